import type { FetchOptions, Ingest } from '../../content.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Locks } from '../locks.ts'
import type { ObjectStore, Upload } from '../object-store.ts'
import type { UploadDigests } from './upload-digests.ts'
import { algorithmOf } from '../../oci/digest.ts'
import { Fault } from '../../oci/fault.ts'
import { createBlobIngest } from './blob-ingest.ts'
import { blobKey, ingestId } from './content-keys.ts'

export interface IngestOptions extends FetchOptions {
  /** Is waited for after the bytes are durable and before `commit` resolves. */
  readonly onStored: () => Promise<void>
}

/** The bytes that all repositories of one store share. */
export interface Blobs {
  /** Whether the bytes are there, as many as promised. */
  has(blob: Pick<Descriptor, 'digest' | 'size'>): Promise<boolean>
  /** Begins or goes on with a blob; undefined if it is there, perhaps because another writer came through meanwhile. */
  ingest(blob: Descriptor, options: IngestOptions): Promise<Ingest | undefined>
  /** Makes an upload the blob of this digest. @throws Fault corrupt: the upload is kept */
  publish(upload: Upload, digest: Digest): Promise<void>
}

export interface BlobsContext {
  readonly objects: ObjectStore
  readonly digests: UploadDigests
  /** One writer per digest. */
  readonly locks: Locks
}

export function createBlobs({ objects, digests, locks }: BlobsContext): Blobs {
  async function has({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): Promise<boolean> {
    return (await objects.head(blobKey(digest)))?.size === size
  }

  async function publish(upload: Upload, digest: Digest): Promise<void> {
    const actual = await digests.digestOf(upload, algorithmOf(digest))
    if (actual !== digest) {
      throw new Fault('corrupt', `the ${upload.size} bytes that came have digest ${actual}, promised was ${digest}`)
    }
    await dropIfOfOtherSize(digest, upload.size)
    await upload.publish(blobKey(digest))
  }

  /** Bytes of a wrong size are damaged whatever they are, and would keep the good ones out. */
  async function dropIfOfOtherSize(digest: Digest, size: number): Promise<void> {
    const info = await objects.head(blobKey(digest))
    if (info && info.size !== size) await objects.delete(info.key, info.etag)
  }

  async function openUpload({ digest, size }: Descriptor): Promise<Upload> {
    const open = async () => digests.watch(await objects.openUpload(ingestId(digest), { size }), algorithmOf(digest))
    let upload = await open()
    try {
      if (upload.size > size) {
        await upload.discard()
        await upload[Symbol.asyncDispose]()
        upload = await open()
      }
      await digests.catchUp(upload, algorithmOf(digest))
      return upload
    } catch (error) {
      await upload[Symbol.asyncDispose]()
      throw error
    }
  }

  return {
    has,
    publish,

    async ingest(blob, { onStored, signal }) {
      const turn = await locks.acquire(blob.digest, { signal })
      let ingest: Ingest | undefined
      try {
        if (await has(blob)) return undefined
        const upload = await openUpload(blob)
        ingest = createBlobIngest(blob, { upload, turn, publish: () => publish(upload, blob.digest).then(onStored) })
        return ingest
      } finally {
        if (!ingest) turn[Symbol.dispose]()
      }
    },
  }
}
