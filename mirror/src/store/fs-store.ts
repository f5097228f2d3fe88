import { join, resolve } from 'node:path'
import type { ObjectStore } from './object-store.ts'
import { nodeFileSystem, type FileSystem } from './file-system.ts'
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

export interface FsStoreOptions {
  /** Is made if it is missing. One process at a time may have it open; that is for the caller to see to. */
  readonly directory: string
  readonly files?: FileSystem
  /** Bytes of the disk that uploads leave to small objects; 32 MiB by default. */
  readonly reserveBytes?: number
  /** Epoch milliseconds. */
  readonly now?: () => number
}

/**
 * Opens a directory as an object store: object `a/b` is file `a/b` in it, so that blobs lie as in an OCI image layout; no
 * object can lie below another one. Bytes are written under another name and synced before they get theirs, and the
 * directory is synced before anybody is told.
 * @throws Fault no-space | denied | unavailable | invalid
 */
export async function openFsStore(options: FsStoreOptions): Promise<ObjectStore> {
  const { files = nodeFileSystem, now = Date.now, reserveBytes = 32 * 1024 * 1024 } = options
  const root = resolve(options.directory)
  const nextTime = createClock(now)
  const directories = createDirectories(files, root)
  const buffers = createReadBuffers()
  const temporary = createTemporaryFiles(files, { directory: join(root, '.tmp'), nextTime })
  const { verbs, linkObject } = createObjectFiles({ files, root, directories, temporary, buffers })
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

  return rememberSmallObjects({
    ...verbs,

    async *list(prefix, { after = '' } = {}) {
      for await (const { key, facts } of listFiles(files, { root, prefix, after })) yield infoOf(key, facts)
    },

    openUpload: (id, options) => uploads.open(id, options),

    async *listUploads() {
      for await (const { id, facts } of uploads.list()) yield { id, size: facts.size, changedAt: changedAtOf(facts) }
    },

    [Symbol.asyncDispose]: async () => {},
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
