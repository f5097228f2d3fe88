import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Fault } from '@stowage/mirror/oci/fault'
import {
  nodeFileSystem,
  type FileSystem as FileCalls,
  type OpenFile as OpenFileCalls,
} from '@stowage/mirror/store/file-system'
import type { FileSystem, OpenFile } from './file-system.ts'

/** Makes the agent's file system of bare calls: those of this machine, or of a disk that a test takes the power from. */
export function createFileSystem(calls: FileCalls = nodeFileSystem): FileSystem {
  async function makeDirectory(path: string): Promise<void> {
    try {
      await calls.makeDirectory(path)
    } catch (error) {
      if (codeOf(error) === 'EEXIST' && (await calls.stat(path)).isDirectory) return
      if (codeOf(error) !== 'ENOENT' || path === dirname(path)) throw error
      await makeDirectory(dirname(path))
      await calls.makeDirectory(path)
    }
    await calls.syncDirectory(dirname(path))
  }

  async function openOrCreate(path: string): Promise<OpenFileCalls> {
    try {
      return await calls.open(path, 'write')
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      // What is created by these calls cannot be read: it is opened again.
      await (await calls.open(path, 'create')).close()
      return await calls.open(path, 'write')
    }
  }

  return {
    makeDirectory: (path) => guarded(path, () => makeDirectory(path)),
    openForWriting: (path) => guarded(path, async () => openFile(path, await openOrCreate(path))),
    openForReading: (path) => ifThere(path, async () => openFile(path, await calls.open(path, 'read'))),
    sizeOf: (path) => ifThere(path, async () => (await calls.stat(path)).size),
    list: async (path) => ((await ifThere(path, () => calls.list(path))) ?? []).map(({ name }) => name),

    async rename(from, to) {
      try {
        await calls.rename(from, to)
        return 'renamed'
      } catch (error) {
        if (codeOf(error) === 'EXDEV') return 'other-device'
        throw fileFault(to, error)
      }
    },

    remove: (path) => ifThere(path, () => calls.unlink(path)),
    syncDirectory: (path) => guarded(path, () => calls.syncDirectory(path)),

    freeBytes: (path) =>
      guarded(path, async () => {
        const { bavail, bsize } = await statfs(path)
        return bavail * bsize
      }),
  }
}

function openFile(path: string, file: OpenFileCalls): OpenFile {
  return {
    size: () => guarded(path, async () => (await file.stat()).size),
    read: (into, position) => guarded(path, () => file.read(into, position)),
    write: (bytes, position) => guarded(path, () => file.write([bytes], position)),
    truncate: (size) => guarded(path, () => file.truncate(size)),
    sync: () => guarded(path, () => file.sync()),
    [Symbol.asyncDispose]: () => file.close(),
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
  if (code === 'ENOTDIR' || code === 'EISDIR' || code === 'EEXIST' || code === 'ELOOP') {
    return new Fault(
      'invalid',
      `${path} is not the kind of file it should be (${code}); is it the right path?`,
      because,
    )
  }
  if (code === '') return error
  return new Fault('unavailable', `${path} cannot be reached (${code})`, because)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
