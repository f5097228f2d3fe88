import { constants } from 'node:fs'
import { link, mkdir, open, opendir, rename, stat, statfs, unlink, type FileHandle } from 'node:fs/promises'
import type { BigIntStats } from 'node:fs'

export interface FileFacts {
  /** Bytes. */
  readonly size: number
  /** Epoch nanoseconds. */
  readonly modifiedAtNs: bigint
  readonly inode: bigint
  /** How many names the file has. */
  readonly links: number
  readonly isDirectory: boolean
}

export interface OpenFile {
  stat(): Promise<FileFacts>
  /** Reads into `buffer` what is at `position`; resolves with how many bytes that were, 0 at the end. May be fewer than fit. */
  read(buffer: Uint8Array, position: number): Promise<number>
  /** Writes all chunks one after the other; after a failure some of it may be there. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>
  truncate(size: number): Promise<void>
  /** Sets the time of the last change, in epoch milliseconds. */
  setModifiedAt(time: number): Promise<void>
  /** Makes the bytes durable, not the name (fdatasync). */
  sync(): Promise<void>
  close(): Promise<void>
}

/**
 * The few calls to a file system that durable storage is made of, so that tests can note their order and take power away
 * between any two of them. Failures are Node's own errors with an errno `code`.
 */
export interface FileSystem {
  /** `create` fails with EEXIST if there is something; `read` and `write` with ENOENT if there is nothing. */
  open(path: string, mode: 'read' | 'write' | 'create'): Promise<OpenFile>
  stat(path: string): Promise<FileFacts>
  list(directory: string): Promise<Array<{ readonly name: string; readonly isDirectory: boolean }>>
  makeDirectory(path: string): Promise<void>
  /** A second name for a file; EEXIST if the name is taken. */
  link(path: string, newPath: string): Promise<void>
  /** Takes the place of what is at `newPath`. */
  rename(path: string, newPath: string): Promise<void>
  unlink(path: string): Promise<void>
  /** Makes durable which names are in a directory. */
  syncDirectory(path: string): Promise<void>
  /** Bytes that the disk of a directory still takes. */
  freeBytes(directory: string): Promise<number>
}

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_DIRECTORY, O_NOFOLLOW } = constants
const flagsOf = { read: O_RDONLY, write: O_RDWR | O_NOFOLLOW, create: O_WRONLY | O_CREAT | O_EXCL } as const

/** As much of it as is needed to look at what is there. */
export interface ReadableFiles extends Pick<FileSystem, 'stat' | 'list'> {
  open(path: string, mode: 'read'): Promise<Pick<OpenFile, 'stat' | 'read' | 'close'>>
}

/** The disk. */
export const nodeFileSystem: FileSystem = {
  open: async (path, mode) => openFile(await open(path, flagsOf[mode], 0o644)),
  stat: async (path) => factsOf(await stat(path, { bigint: true })),
  async list(directory) {
    const entries: { name: string; isDirectory: boolean }[] = []
    // Very many names at once would keep all requests waiting.
    for await (const entry of await opendir(directory, { bufferSize: 256 })) {
      entries.push({ name: entry.name, isDirectory: entry.isDirectory() })
    }
    return entries
  },
  makeDirectory: (path) => mkdir(path),
  link,
  rename,
  unlink,
  async syncDirectory(path) {
    const handle = await open(path, O_RDONLY | O_DIRECTORY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  async freeBytes(directory) {
    const { bavail, blocks, bsize } = await statfs(directory)
    // A file system that does not know its size says 0.
    return blocks === 0 ? Infinity : bavail * bsize
  },
}

function openFile(handle: FileHandle): OpenFile {
  return {
    stat: async () => factsOf(await handle.stat({ bigint: true })),
    read: async (buffer, position) => (await handle.read(buffer, 0, buffer.length, position)).bytesRead,
    write: (chunks, position) => writeAll(handle, chunks, position),
    truncate: (size) => handle.truncate(size),
    setModifiedAt: (time) => handle.utimes(time / 1000, time / 1000),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  }
}

async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let left = chunks.filter((chunk) => chunk.length > 0)
  let at = position
  while (left.length > 0) {
    const { bytesWritten } = await handle.writev(left, at)
    at += bytesWritten
    left = without(left, bytesWritten)
  }
}

/** What is still to be written after a short write. */
function without(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count
  return chunks.flatMap((chunk) => {
    const rest = chunk.subarray(Math.min(skip, chunk.length))
    skip -= chunk.length - rest.length
    return rest.length > 0 ? [rest] : []
  })
}

/** What Node says of a file, in our words. */
export function factsOf(stats: BigIntStats): FileFacts {
  return {
    size: Number(stats.size),
    modifiedAtNs: stats.mtimeNs,
    inode: stats.ino,
    links: Number(stats.nlink),
    isDirectory: stats.isDirectory(),
  }
}
