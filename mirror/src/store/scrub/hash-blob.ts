import type { FetchOptions } from '../../content.ts'
import { algorithmOf, createDigester, type Digest } from '../../oci/digest.ts'
import { isFault } from '../../oci/fault.ts'
import { blobKey } from '../content/content-keys.ts'
import type { ObjectInfo, ObjectStore } from '../object-store.ts'

export interface HashOptions extends FetchOptions {
  /** Is waited for after each piece that was read, with its length: to read slowly. */
  readonly onBytes?: ((bytes: number) => Promise<void> | void) | undefined
}

export interface HashedBlob {
  readonly info: ObjectInfo
  /** Whether the bytes have their digest. */
  readonly isRight: boolean
}

/** Reads a blob as it lies in the store now, whatever is remembered of it; undefined if it is not there. */
export async function hashBlob(
  objects: Pick<ObjectStore, 'get' | 'head'>,
  digest: Digest,
  { onBytes, signal }: HashOptions = {},
): Promise<HashedBlob | undefined> {
  const digester = createDigester(algorithmOf(digest))
  signal?.throwIfAborted()
  try {
    const object = await objects.get(blobKey(digest), { isOnce: true, isFresh: true, reuseBuffers: true })
    if (!object) return undefined
    for await (const chunk of object.bytes) {
      digester.update(chunk)
      await onBytes?.(chunk.length)
      signal?.throwIfAborted()
    }
    return { info: object.info, isRight: digester.digest() === digest }
  } catch (error) {
    // Its end is missing, or of a bucket all but the name.
    if (!isFault(error, 'corrupt')) throw error
    const info = await objects.head(blobKey(digest))
    return info && { info, isRight: false }
  }
}
