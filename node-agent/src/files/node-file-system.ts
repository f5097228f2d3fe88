import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Fault } from '@stowage/mirror/oci/fault'
import type { FileSystem, OpenFile } from './file-system.ts'

/** The disks of this machine. */
export const nodeFileSystem: FileSystem = {
  async makeDirectory(path) {
    const first = await guarded(path, () => mkdir(path, { recursive: true }))
    if (first === undefined) return
    for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made))
  },

  openForWriting: (path) =>
    guarded(path, async () => {
      // 'r+' and 'a+' both fall short: one wants the file to be there, the other one appends whatever the position.
      return openFile(path, await open(path, constants.O_RDWR | constants.O_CREAT, 0o644))
    }),

  openForReading: (path) => ifThere(path, async () => openFile(path, await open(path, 'r'))),

  sizeOf: (path) => ifThere(path, async () => (await stat(path)).size),

  list: async (path) => (await ifThere(path, () => readdir(path))) ?? [],

  async rename(from, to) {
    try {
      await rename(from, to)
      return 'renamed'
    } catch (error) {
      if (codeOf(error) === 'EXDEV') return 'other-device'
      throw fileFault(to, error)
    }
  },

  remove: (path) => guarded(path, () => rm(path, { force: true })),

  syncDirectory,

  freeBytes: (path) =>
    guarded(path, async () => {
      const { bavail, bsize } = await statfs(path)
      return bavail * bsize
    }),
}

function syncDirectory(path: string): Promise<void> {
  return guarded(path, async () => {
    await using directory = await open(path, 'r')
    await directory.sync()
  })
}

function openFile(path: string, handle: FileHandle): OpenFile {
  return {
    size: () => guarded(path, async () => (await handle.stat()).size),
    read: (into, position) => guarded(path, async () => (await handle.read(into, 0, into.length, position)).bytesRead),
    write: (bytes, position) =>
      guarded(path, async () => {
        for (let written = 0; written < bytes.length;) {
          const rest = bytes.subarray(written)
          written += (await handle.write(rest, 0, rest.length, position + written)).bytesWritten
        }
      }),
    truncate: (size) => guarded(path, () => handle.truncate(size)),
    sync: () => guarded(path, () => handle.datasync()),
    [Symbol.asyncDispose]: () => handle.close(),
  }
}

async function ifThere<Result>(path: string, work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw fileFault(path, error)
  }
}

async function guarded<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw fileFault(path, error)
  }
}

function fileFault(path: string, error: unknown): unknown {
  const code = codeOf(error)
  const because = { cause: error }
  if (code === 'ENOSPC' || code === 'EDQUOT') return new Fault('no-space', `no space left for ${path}`, because)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new Fault('denied', `${path} may not be written or read (${code}); check its owner and mode`, because)
  }
  if (code === 'ENOTDIR' || code === 'EISDIR' || code === 'EEXIST') {
    return new Fault(
      'invalid',
      `${path}: a file and a directory are confused (${code}); is this the right path?`,
      because,
    )
  }
  if (code === '') return error
  return new Fault('unavailable', `${path} cannot be reached (${code})`, because)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
