import { dirname, join } from 'node:path'
import type { FileFacts, FileSystem, OpenFile } from '../file-system.ts'
import type { ObjectInfo, ObjectStore } from '../object-store.ts'
import type { Directories } from './directories.ts'
import type { TemporaryFiles } from './temporary-files.ts'
import { Fault } from '../../oci/fault.ts'
import { createLocks } from '../locks.ts'
import { checkKey } from '../object-key.ts'
import { isErrno, onDisk } from './disk-fault.ts'
import { openIfThere, statIfThere } from './if-there.ts'
import { readAhead } from './read-ahead.ts'
import type { ReadBuffers } from './read-buffers.ts'

/** Objects as one file each, the key being the path. */
export interface ObjectFiles {
  readonly verbs: Pick<ObjectStore, 'head' | 'get' | 'putIfAbsent' | 'putIfMatch' | 'delete'> &
    Required<Pick<ObjectStore, 'move'>>
  /** Gives a file that is durable itself the name of an object; false if there is one already. */
  readonly linkObject: (path: string, key: string) => Promise<boolean>
  /** Waits until what was found under a key is durable too: who is told of it builds on it. */
  readonly settled: (key: string) => Promise<void>
}

export interface ObjectFilesContext {
  readonly files: FileSystem
  readonly root: string
  readonly directories: Directories
  readonly temporary: TemporaryFiles
  readonly buffers: ReadBuffers
}

/** What is read at once when an object is opened, so that no file stays open for it. */
const smallSize = 256 * 1024

export function createObjectFiles({ files, root, directories, temporary, buffers }: ObjectFilesContext): ObjectFiles {
  const locks = createLocks()

  const pathOf = (key: string): string => {
    checkKey(key)
    return join(root, key)
  }

  async function settled(path: string): Promise<void> {
    await locks.settled(path)
    await directories.ensure(dirname(path))
  }

  async function inTurn<T>(path: string, work: (there: FileFacts | undefined) => Promise<T>): Promise<T> {
    return await onDisk(path, async () => {
      using _turn = await locks.acquire(path)
      return await work(await factsOfFile(files, path))
    })
  }

  async function link(source: string, path: string): Promise<boolean> {
    try {
      await files.link(source, path)
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error
      if (await factsOfFile(files, path)) return false
      throw new Fault('invalid', `${path} is a directory: no object can be there`, { cause: error })
    }
    await directories.sync(dirname(path))
    return true
  }

  const verbs: ObjectFiles['verbs'] = {
    async head(key) {
      const path = pathOf(key)
      return await onDisk(path, async () => {
        const facts = await factsOfFile(files, path)
        if (facts) await settled(path)
        return facts && infoOf(key, facts)
      })
    },

    async get(key, { offset = 0, length = Infinity, reuseBuffers, isFresh } = {}) {
      const path = pathOf(key)
      const open = await onDisk(path, () => openFile(files, path, () => settled(path)))
      if (!open) return undefined
      const end = Math.min(open.facts.size, offset + length)
      const isSmall = end - offset <= smallSize
      // What is read now is looked at later, when a buffer that is used again would be somebody else's already.
      const reading = { reuseBuffers: reuseBuffers && !isSmall, version: isFresh ? undefined : etagOf(open.facts) }
      const stretch = { path, start: offset, end, buffers, ...reading }
      const bytes = readAhead(open.file, stretch)
      return { info: infoOf(key, open.facts), bytes: isSmall ? await readNow(bytes) : bytes }
    },

    async putIfAbsent(key, bytes) {
      const path = pathOf(key)
      await onDisk(path, () => directories.ensure(dirname(path)))
      return await inTurn(path, async (there) => {
        if (there) return undefined
        await using file = await temporary.write(bytes)
        return (await link(file.path, path)) ? infoOf(key, file.facts) : undefined
      })
    },

    async putIfMatch(key, etag, bytes) {
      const path = pathOf(key)
      return await inTurn(path, async (there) => {
        if (!there || etagOf(there) !== etag) return undefined
        await using file = await temporary.write(bytes)
        await files.rename(file.path, path)
        await directories.sync(dirname(path))
        return infoOf(key, file.facts)
      })
    },

    async delete(key, etag) {
      const path = pathOf(key)
      return await inTurn(path, async (there) => {
        if (!there || (etag !== undefined && etagOf(there) !== etag)) return false
        await files.unlink(path)
        await directories.sync(dirname(path))
        return true
      })
    },

    async move(key, etag, newKey) {
      const [path, newPath] = [pathOf(key), pathOf(newKey)]
      await onDisk(newPath, () => directories.ensure(dirname(newPath)))
      return await inTurn(path, async (there) => {
        if (!there || etagOf(there) !== etag) return false
        if (await factsOfFile(files, newPath)) await files.unlink(newPath)
        // The new name is durable before the old one goes, which a rename from one directory to another does not promise.
        if (!(await link(path, newPath))) return false
        await files.unlink(path)
        await directories.sync(dirname(path))
        return true
      })
    },
  }

  return {
    verbs,
    settled: async (key) => {
      const path = pathOf(key)
      await onDisk(path, () => settled(path))
    },
    linkObject: async (source, key) => {
      const path = pathOf(key)
      await onDisk(path, () => directories.ensure(dirname(path)))
      return await inTurn(path, () => link(source, path))
    },
  }
}

export function infoOf(key: string, facts: FileFacts): ObjectInfo {
  return { key, size: facts.size, etag: etagOf(facts), changedAt: changedAtOf(facts) }
}

/** Epoch milliseconds. */
export function changedAtOf({ modifiedAtNs }: FileFacts): number {
  return Number(modifiedAtNs / 1_000_000n)
}

function etagOf({ modifiedAtNs, inode, size }: FileFacts): string {
  return [modifiedAtNs, inode, BigInt(size)].map((part) => part.toString(36)).join('-')
}

async function factsOfFile(files: FileSystem, path: string): Promise<FileFacts | undefined> {
  const facts = await statIfThere(files, path)
  return facts?.isDirectory ? undefined : facts
}

/** Opens a file, but no directory; it is closed again if `settled` fails. */
async function openFile(
  files: FileSystem,
  path: string,
  settled: () => Promise<void>,
): Promise<{ readonly file: OpenFile; readonly facts: FileFacts } | undefined> {
  const file = await openIfThere(files, path, 'read')
  if (!file) return undefined
  try {
    const facts = await file.stat()
    if (!facts.isDirectory) {
      await settled()
      return { file, facts }
    }
  } catch (error) {
    await file.close()
    throw error
  }
  await file.close()
  return undefined
}

async function readNow(bytes: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const chunks = await Array.fromAsync(bytes)
  return (async function* () {
    yield* chunks
  })()
}
