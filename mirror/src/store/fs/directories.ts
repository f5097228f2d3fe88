import { dirname, join } from 'node:path'
import type { FileSystem } from '../file-system.ts'
import { isErrno } from './disk-fault.ts'

/** Directories below a root, and the durability of the names in them. */
export interface Directories {
  /**
   * Makes a directory with all above it, durably. One that is there already is synced once: a process that was killed
   * may have left names in it that nothing but the page cache knows of, and whoever sees them takes them for kept.
   */
  ensure(directory: string): Promise<void>
  /** Makes the names in a directory durable. Calls that come while a sync runs share the next one. */
  sync(directory: string): Promise<void>
  /** Makes all names below the root durable. */
  syncAll(): Promise<void>
}

export function createDirectories(files: FileSystem, root: string): Directories {
  const ensured = new Map<string, Promise<void>>()
  const running = new Map<string, Promise<void>>()
  const waiting = new Map<string, Promise<void>>()

  async function make(directory: string): Promise<void> {
    if (directory === root) return await sync(root)
    await ensure(dirname(directory))
    try {
      await files.makeDirectory(directory)
    } catch (error) {
      if (isErrno(error, 'EEXIST')) return await sync(directory)
      throw error
    }
    await sync(dirname(directory))
  }

  function ensure(directory: string): Promise<void> {
    const known = ensured.get(directory)
    if (known) return known
    const making = make(directory)
    ensured.set(directory, making)
    making.catch(() => ensured.delete(directory))
    return making
  }

  function sync(directory: string): Promise<void> {
    const shared = waiting.get(directory)
    if (shared) return shared
    const next = syncAfter(directory, running.get(directory))
    waiting.set(directory, next)
    return next
  }

  async function syncAfter(directory: string, before: Promise<void> | undefined): Promise<void> {
    // A sync that fails is told to those who asked for it.
    await before?.catch(() => {})
    const syncing = files.syncDirectory(directory)
    waiting.delete(directory)
    running.set(directory, syncing)
    try {
      await syncing
    } finally {
      if (running.get(directory) === syncing) running.delete(directory)
    }
  }

  async function syncBelow(directory: string): Promise<void> {
    await sync(directory)
    for (const { name, isDirectory } of await files.list(directory)) {
      if (isDirectory) await syncBelow(join(directory, name))
    }
  }

  return { ensure, sync, syncAll: () => syncBelow(root) }
}

/** Makes the root itself, durably, with what is missing above it. */
export async function makeRoot(files: FileSystem, root: string): Promise<void> {
  await makeMissing(files, root)
  for (let above = dirname(root); ; above = dirname(above)) {
    await syncIfAllowed(files, above)
    if (above === dirname(above)) return
  }
}

async function makeMissing(files: FileSystem, directory: string): Promise<void> {
  try {
    await files.makeDirectory(directory)
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return
    if (!isErrno(error, 'ENOENT') || dirname(directory) === directory) throw error
    await makeMissing(files, dirname(directory))
    await files.makeDirectory(directory)
  }
}

/** Directories above the root may be closed to us or read-only: then it was somebody else who made what is in them. */
async function syncIfAllowed(files: FileSystem, directory: string): Promise<void> {
  try {
    await files.syncDirectory(directory)
  } catch (error) {
    if (!isErrno(error, 'EACCES', 'EPERM', 'EROFS', 'EINVAL')) throw error
  }
}
