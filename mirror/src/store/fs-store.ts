import { join, resolve } from 'node:path'
import PQueue from 'p-queue'
import type { ObjectStore, ReadOptions, StoredObject } from './object-store.ts'
import { nodeFileSystem, type FileSystem } from './file-system.ts'
import { createBackgroundFiles } from './fs/background-files.ts'
import { createDirectories, makeRoot } from './fs/directories.ts'
import { createDiskRoom } from './fs/disk-room.ts'
import { onDisk } from './fs/disk-fault.ts'
import { statIfThere } from './fs/if-there.ts'
import { listFiles } from './fs/list-files.ts'
import { changedAtOf, createObjectFiles, infoOf } from './fs/object-files.ts'
import { createReadBuffers } from './fs/read-buffers.ts'
import { createTemporaryFiles } from './fs/temporary-files.ts'
import { createUploadFiles } from './fs/upload-files.ts'
import { rememberSmallObjects } from './remember-small-objects.ts'
import { storedInMemory } from './stored-in-memory.ts'

export interface FsStoreOptions {
  /** Is made if it is missing. One process at a time may have it open; that is for the caller to see to. */
  readonly directory: string
  readonly files?: FileSystem
  /** Bytes of the disk that uploads leave to small objects; 32 MiB by default. */
  readonly reserveBytes?: number
  /** Epoch milliseconds. */
  readonly now?: () => number
}

/** What uploads leave free on a disk where nobody says otherwise. */
export const defaultReserveBytes = 32 * 1024 * 1024

/**
 * Opens a directory as an object store: object `a/b` is file `a/b` in it, so that blobs lie as in an OCI image layout; no
 * object can lie below another one. Bytes are written under another name and synced before they get theirs, and the
 * directory is synced before anybody is told.
 * @throws Fault no-space | denied | unavailable | invalid
 */
export async function openFsStore(options: FsStoreOptions): Promise<ObjectStore> {
  const { files = nodeFileSystem, now = Date.now, reserveBytes = defaultReserveBytes } = options
  const root = resolve(options.directory)
  const nextTime = createClock(now)
  const directories = createDirectories(files, root)
  const buffers = createReadBuffers()
  const background = files === nodeFileSystem ? createBackgroundFiles(root) : undefined
  /** A disk that fails takes its time for each read, and a process has few threads that can wait for it. */
  const fewAtOnce = new PQueue({ concurrency: 2 })
  const temporary = createTemporaryFiles(files, { directory: join(root, '.tmp'), nextTime })
  const { verbs, linkObject, settled } = createObjectFiles({ files, root, directories, temporary, buffers })
  const uploads = createUploadFiles({
    files,
    directories,
    directory: join(root, 'uploads'),
    buffers,
    room: createDiskRoom({ files, directory: root, reserveBytes }),
    nextTime,
    linkObject,
  })

  await onDisk(root, async () => {
    await makeRoot(files, root)
    await temporary.sweep()
    await uploads.sweep()
    await writeLayoutMarker()
  })

  /** image-spec, image-layout.md, "oci-layout file". */
  async function writeLayoutMarker(): Promise<void> {
    const path = join(root, 'oci-layout')
    if (await statIfThere(files, path)) return
    await using file = await temporary.write(Buffer.from('{"imageLayoutVersion":"1.0.0"}'))
    await files.rename(file.path, path)
    await directories.sync(root)
  }

  async function smallInBackground(
    key: string,
    { offset = 0, length }: ReadOptions,
  ): Promise<StoredObject | undefined> {
    // Who gives no length reads blobs of any size.
    const found = offset === 0 && length !== undefined ? await background?.read(key) : undefined
    if (!found?.bytes || found.bytes.length > (length ?? 0)) return undefined
    await settled(key)
    return storedInMemory(infoOf(key, found.facts), found.bytes)
  }

  return rememberSmallObjects({
    ...verbs,

    async get(key, options = {}) {
      if (!options.isOnce) return await verbs.get(key, options)
      return (await smallInBackground(key, options)) ?? (await fewAtOnce.add(() => verbs.get(key, options)))
    },

    async *list(prefix, { after = '', bringUpTo, inBackground = false } = {}) {
      const found =
        inBackground && background
          ? background.list({ prefix, after, bringUpTo })
          : listFiles(files, { root, prefix, after })
      for await (const { key, facts, bytes } of found) {
        if (bytes) await settled(key)
        yield { ...infoOf(key, facts), ...(bytes && { bytes }) }
      }
    },

    openUpload: (id, options) => uploads.open(id, options),

    async *listUploads() {
      for await (const { id, facts } of uploads.list()) yield { id, size: facts.size, changedAt: changedAtOf(facts) }
    },

    [Symbol.asyncDispose]: async () => await background?.[Symbol.asyncDispose](),
  })
}

/**
 * Times that differ, in milliseconds, each later than the one before. The kernel's own clock stands still for some
 * milliseconds at a time and inodes are used again at once, so two versions of a file could look alike.
 */
function createClock(now: () => number): () => number {
  let last = 0
  return () => (last = Math.max(now(), last + 0.01))
}
