import type { Digest } from '../../oci/digest.ts'
import type { ObjectStore, Upload } from '../object-store.ts'
import type { UploadDigests } from './upload-digests.ts'
import { algorithmOf } from '../../oci/digest.ts'
import { Fault } from '../../oci/fault.ts'
import { blobKey } from './content-keys.ts'

export interface PublishBlobContext {
  readonly objects: ObjectStore
  readonly digests: UploadDigests
  /** Is waited for when the bytes are proved: takes damaged ones out of their way. */
  readonly clear?: (() => Promise<void>) | undefined
}

/**
 * Makes an upload the blob of a digest, once it is proved to be that.
 * @throws Fault corrupt: the upload is kept
 */
export async function publishBlob(
  upload: Upload,
  digest: Digest,
  { objects, digests, clear }: PublishBlobContext,
): Promise<'created' | 'exists'> {
  const key = blobKey(digest)
  if (upload.isProvedByStore) {
    await clear?.()
    return await upload.publish(key)
  }
  const actual = await digests.digestOf(upload, algorithmOf(digest))
  if (actual !== digest) {
    throw new Fault('corrupt', `the ${upload.size} bytes that came have digest ${actual}, promised was ${digest}`)
  }
  await clear?.()
  // Bytes of a wrong size are damaged whatever they are, and would keep the good ones out.
  const info = await objects.head(key)
  if (info && info.size !== upload.size) await objects.delete(key, info.etag)
  return await upload.publish(key)
}
