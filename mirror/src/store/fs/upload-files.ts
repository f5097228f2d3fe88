import { join } from 'node:path'
import type { FileFacts, FileSystem, OpenFile } from '../file-system.ts'
import type { AppendOptions, OpenUploadOptions, Upload } from '../object-store.ts'
import type { Directories } from './directories.ts'
import type { DiskRoom } from './disk-room.ts'
import { Fault } from '../../oci/fault.ts'
import { checkUploadId } from '../object-key.ts'
import { batches } from './batches.ts'
import { isErrno, onDisk } from './disk-fault.ts'
import { openIfThere, statIfThere } from './if-there.ts'
import { readAhead } from './read-ahead.ts'
import type { ReadBuffers } from './read-buffers.ts'
import { createSyncBehind } from './sync-behind.ts'

/** Uploads as one file each, appended to: the file is the only memory of how far an upload came. */
export interface UploadFiles {
  open(id: string, options?: OpenUploadOptions): Promise<Upload>
  list(): AsyncGenerator<{ readonly id: string; readonly facts: FileFacts }>
  /** Takes away what a process left that ended between publishing an upload and deleting its first name. */
  sweep(): Promise<void>
}

export interface UploadFilesContext {
  readonly files: FileSystem
  readonly directories: Directories
  readonly directory: string
  readonly buffers: ReadBuffers
  readonly room: DiskRoom
  readonly nextTime: () => number
  /** Gives a durable file a second name, that of an object; false if the object is there already. */
  readonly linkObject: (path: string, key: string) => Promise<boolean>
}

/** So many bytes are written with one call: chunks of the network are much smaller. */
const batchSize = 1024 * 1024

export function createUploadFiles(context: UploadFilesContext): UploadFiles {
  const { files, directory, directories, room } = context
  const busy = new Set<string>()
  const unnamed = new Set<string>()
  const lossy = new Set<string>()

  /**
   * A file that is published already has two names; bytes appended to it would go into the object. The name that goes is
   * the only one that is sure to be durable: who made the other one was killed or failed before it knew.
   */
  async function dropIfPublished(path: string): Promise<void> {
    const facts = await statIfThere(files, path)
    if (!facts || facts.links < 2) return
    await directories.syncAll()
    await files.unlink(path)
  }

  /**
   * What could not be made durable must come anew: the system tells once of pages that it could not write, and takes them for
   * clean from then on. A file with two names was durable before.
   */
  async function dropIfLossy(id: string): Promise<void> {
    if (!lossy.has(id)) return
    const path = join(directory, id)
    const facts = await statIfThere(files, path)
    if (facts && facts.links < 2) await files.unlink(path)
    unnamed.delete(id)
    lossy.delete(id)
  }

  async function create(id: string, path: string): Promise<void> {
    try {
      await (await files.open(path, 'create')).close()
      unnamed.add(id)
    } catch (error) {
      if (!isErrno(error, 'EEXIST')) throw error
    }
  }

  const shared = { ...context, busy, unnamed, lossy, dropIfLossy }

  return {
    async open(id, { create: isCreated = true, size } = {}) {
      checkUploadId(id)
      const path = join(directory, id)
      return await onDisk(path, async () => {
        await directories.ensure(directory)
        if (!busy.has(id)) {
          await dropIfLossy(id)
          await dropIfPublished(path)
        }
        if (isCreated) await create(id, path)
        const facts = await statIfThere(files, path)
        if (!facts) throw new Fault('not-found', `there is no upload ${id}`)
        let claim: Disposable | undefined
        const onClose = (): void => claim?.[Symbol.dispose]()
        const upload = createUpload(id, { ...shared, path, size: facts.size, onClose })
        if (size !== undefined) claim = await room.claim(() => Math.max(0, size - upload.size))
        return upload
      })
    },

    async *list() {
      const entries = await onDisk(directory, () => files.list(directory))
      for (const id of entries.map(({ name }) => name).toSorted()) {
        const path = join(directory, id)
        const facts = await onDisk(path, () => statIfThere(files, path))
        if (facts) yield { id, facts }
      }
    },

    async sweep() {
      await directories.ensure(directory)
      for (const { name } of await files.list(directory)) await dropIfPublished(join(directory, name))
    },
  }
}

interface UploadContext extends UploadFilesContext {
  readonly path: string
  /** Ids of uploads that somebody writes to now. */
  readonly busy: Set<string>
  readonly size: number
  /** Ids whose names a power cut may take: nobody relies on one before bytes in it are durable, and the first byte waits for no disk. */
  readonly unnamed: Set<string>
  /** Ids of uploads of which a sync failed. */
  readonly lossy: Set<string>
  readonly dropIfLossy: (id: string) => Promise<void>
  readonly onClose: () => void
}

function createUpload(id: string, context: UploadContext): Upload {
  const { path, directory, directories, busy, unnamed, lossy, buffers, room, files, nextTime, linkObject } = context
  let { size } = context

  const conflict = (): Fault => new Fault('conflict', `upload ${id} has another writer`)

  async function exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (busy.has(id)) throw conflict()
    busy.add(id)
    try {
      return await onDisk(path, work)
    } finally {
      busy.delete(id)
    }
  }

  /** Notes a sync that fails, also one that ran behind when the bytes stopped coming: nobody else is told of that. */
  function noted(file: OpenFile): OpenFile {
    const sync = async (): Promise<void> => {
      try {
        await file.sync()
      } catch (error) {
        lossy.add(id)
        throw error
      }
    }
    return { ...file, sync }
  }

  async function withFile<T>(work: (file: OpenFile, facts: FileFacts) => Promise<T>): Promise<T> {
    await context.dropIfLossy(id)
    const file = await openIfThere(files, path, 'write')
    if (!file) throw new Fault('not-found', `upload ${id} is gone: it was published, discarded or has expired`)
    try {
      const facts = await file.stat()
      if (facts.size !== size) throw conflict()
      return await work(noted(file), facts)
    } finally {
      await file.close()
      if (lossy.has(id)) {
        size = 0
        await context.dropIfLossy(id)
      }
    }
  }

  async function appendTo(
    file: OpenFile,
    bytes: AsyncIterable<Uint8Array>,
    { isDurable = true }: AppendOptions,
  ): Promise<void> {
    await using behind = createSyncBehind(file)
    try {
      for await (const batch of batches(bytes, batchSize)) {
        const length = batch.reduce((sum, chunk) => sum + chunk.length, 0)
        await room.check(length)
        await file.write(batch, size)
        size += length
        if (isDurable) await behind.wrote(length)
      }
    } catch (error) {
      size = (await file.stat()).size
      throw error
    }
    if (!isDurable) return
    await behind.finish()
    if (!unnamed.has(id)) return
    await directories.sync(directory)
    unnamed.delete(id)
  }

  return {
    id,
    get size() {
      return size
    },

    append: (bytes, options = {}) =>
      exclusively(() =>
        withFile(async (file, { links }) => {
          if (links > 1) throw conflict()
          await appendTo(file, bytes, options)
          return size
        }),
      ),

    async *read({ offset: start = 0, length = Infinity } = {}) {
      const file = await onDisk(path, () => openIfThere(files, path, 'read'))
      if (file)
        yield* readAhead(file, { path, start, end: Math.min((await file.stat()).size, start + length), buffers })
    },

    publish: (key) =>
      exclusively(async () => {
        await withFile(async (file) => {
          await file.setModifiedAt(nextTime())
          await file.sync()
        })
        const created = await linkObject(path, key)
        await files.unlink(path)
        unnamed.delete(id)
        return created ? 'created' : 'exists'
      }),

    discard: () =>
      exclusively(async () => {
        if (await statIfThere(files, path)) await files.unlink(path)
        unnamed.delete(id)
      }),

    [Symbol.asyncDispose]: async () => context.onClose(),
  }
}
