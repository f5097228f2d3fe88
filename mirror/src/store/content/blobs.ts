import type { IngestOptions } from '../../content.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { BlobIngest } from '../content-store.ts'
import type { Locks } from '../locks.ts'
import type { ObjectStore, ReadOptions, StoredObject, Upload } from '../object-store.ts'
import type { Integrity } from '../scrub/integrity.ts'
import type { UploadDigests } from './upload-digests.ts'
import { algorithmOf } from '../../oci/digest.ts'
import { createBlobIngest } from './blob-ingest.ts'
import { reviveBytes } from './condemned-blobs.ts'
import { blobKey, ingestId } from './content-keys.ts'
import { publishBlob } from './publish-blob.ts'

export interface BlobIngestOptions extends IngestOptions {
  /** Is waited for after the bytes are durable and before `commit` resolves. */
  readonly onStored: () => Promise<unknown>
}

/** The bytes that all repositories of one store share. */
export interface Blobs {
  /** Whether the bytes are there, as many as promised, and not known to be ones that the disk fails to give. */
  has(blob: Pick<Descriptor, 'digest' | 'size'>): Promise<boolean>
  /**
   * Whether the bytes are there, for who has linked them just now: if so, they stay as long as the link.
   * @throws Fault unavailable while they are being deleted
   */
  secure(blob: Pick<Descriptor, 'digest' | 'size'>): Promise<boolean>
  /** Begins or goes on with a blob; undefined if it is there, perhaps because another writer came through meanwhile. */
  ingest(blob: Descriptor, options: BlobIngestOptions): Promise<BlobIngest | undefined>
  /** The bytes, of which nobody sees the end if they are damaged. */
  open(blob: Pick<Descriptor, 'digest' | 'size'>, options?: ReadOptions): Promise<StoredObject | undefined>
  /** Makes an upload the blob of this digest, and damaged bytes in its place go. @throws Fault corrupt: the upload is kept */
  publish(upload: Upload, digest: Digest): Promise<unknown>
}

export interface BlobsContext {
  readonly objects: ObjectStore
  readonly digests: UploadDigests
  readonly integrity: Integrity
  /** One writer per digest. */
  readonly locks: Locks
  /** Epoch milliseconds. */
  readonly now: () => number
}

export function createBlobs({ objects, digests, integrity, locks, now }: BlobsContext): Blobs {
  async function isStored({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): Promise<boolean> {
    return (await objects.head(blobKey(digest)))?.size === size
  }

  async function has({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): Promise<boolean> {
    const info = await objects.head(blobKey(digest))
    return info?.size === size && !integrity.isUnreadable(info, digest)
  }

  /** None if the blob is there by now. */
  async function openUpload(
    { digest, size }: Descriptor,
    hasBytes: IngestOptions['hasBytes'],
  ): Promise<Upload | undefined> {
    const open = async () => digests.watch(await objects.openUpload(ingestId(digest), { size }), algorithmOf(digest))
    let upload = await open()
    try {
      const isUseful = upload.size <= size && (upload.size === 0 || !hasBytes || (await hasBytes(upload)))
      if (!isUseful) {
        await upload.discard()
        await upload[Symbol.asyncDispose]()
        upload = await open()
      }
      await digests.catchUp(upload, algorithmOf(digest))
      if (upload.size > 0 || !(await has({ digest, size }))) return upload
      // Another process came through in between, or had left the last step to whoever opened its upload.
      await upload.discard()
      await upload[Symbol.asyncDispose]()
      return undefined
    } catch (error) {
      await upload[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Bytes that are being deleted are waited for before: an upload that ends as what is there already is gone. */
  async function publish(upload: Upload, digest: Digest): Promise<void> {
    await reviveBytes(objects, digest, now)
    const clear = (): Promise<void> => integrity.clear(digest)
    if ((await publishBlob(upload, digest, { objects, digests, clear })) === 'created') await integrity.stored(digest)
  }

  return {
    has,
    publish,
    open: (blob, options) => integrity.open(blob, options),

    async secure(blob) {
      await reviveBytes(objects, blob.digest, now)
      return await isStored(blob)
    },

    async ingest(blob, { onStored, hasBytes, signal }) {
      const turn = await locks.acquire(blob.digest, { signal })
      let ingest: BlobIngest | undefined
      try {
        if (await has(blob)) return undefined
        const upload = await openUpload(blob, hasBytes)
        if (!upload) return undefined
        const publishAll = async (): Promise<void> => {
          await publish(upload, blob.digest)
          await onStored()
        }
        ingest = createBlobIngest(blob, { upload, turn, publish: publishAll, signal })
        return ingest
      } finally {
        if (!ingest) turn[Symbol.dispose]()
      }
    },
  }
}
