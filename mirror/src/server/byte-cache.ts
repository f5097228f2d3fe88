import type { Digest } from '../oci/digest.ts'

/** Bytes that were checked against their digest, so they are right for as long as they are kept. */
export interface ByteCache {
  get(digest: Digest): Uint8Array | undefined
  put(digest: Digest, bytes: Uint8Array): void
}

/** Keeps what was asked for last, up to `capacity` bytes in all. Says nothing of who may have them. */
export function createByteCache({ capacity }: { readonly capacity: number }): ByteCache {
  const kept = new Map<Digest, Uint8Array>()
  let size = 0

  function drop(digest: Digest): void {
    size -= kept.get(digest)?.length ?? 0
    kept.delete(digest)
  }

  return {
    get(digest) {
      const bytes = kept.get(digest)
      if (!bytes) return undefined
      kept.delete(digest)
      kept.set(digest, bytes)
      return bytes
    },

    put(digest, bytes) {
      if (bytes.length > capacity) return
      drop(digest)
      kept.set(digest, bytes)
      size += bytes.length
      for (const oldest of kept.keys()) {
        if (size <= capacity) break
        drop(oldest)
      }
    },
  }
}
