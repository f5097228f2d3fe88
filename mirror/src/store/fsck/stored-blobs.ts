import type { Digest } from '../../oci/digest.ts'
import { digestOfBlobKey } from '../content/content-keys.ts'
import type { ObjectStore } from '../object-store.ts'

/** What lies among the blobs. */
export interface StoredBlobs {
  /** Bytes of each. */
  readonly sizes: ReadonlyMap<Digest, number>
  /** Keys that are none of a blob. */
  readonly strays: readonly string[]
}

export async function listStoredBlobs(
  objects: Pick<ObjectStore, 'list'>,
  onBlob: (count: number) => Promise<void> | void,
): Promise<StoredBlobs> {
  const sizes = new Map<Digest, number>()
  const strays: string[] = []
  for await (const { key, size } of objects.list('blobs/', { inBackground: true })) {
    const digest = digestOfBlobKey(key)
    if (digest) sizes.set(digest, size)
    else strays.push(key)
    await onBlob(sizes.size)
  }
  return { sizes, strays }
}
