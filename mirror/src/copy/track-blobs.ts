import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'

/** How far a copy has come. What the sink had before counts as done; a damaged blob takes its bytes back. */
export interface CopyProgress {
  readonly blobBytesDone: number
  readonly blobBytesTotal: number
  /** The blob that moved; none at the beginning. */
  readonly blob?: { readonly digest: Digest; readonly size: number; readonly done: number } | undefined
}

/** Adds up what happens to the blobs of one copy. */
export interface BlobTracker {
  /** The sink has had it all along. */
  wasThere(blob: Descriptor): void
  /**
   * Begins a try at a blob. Its first call says where the sink stands, the next ones where it has come to; gives whether
   * that is further than any try has come.
   */
  begin(blob: Descriptor): (bytes: number) => boolean
  report(): void
  bytesFetched(): number
}

export function trackBlobs(blobs: readonly Descriptor[], onProgress?: (progress: CopyProgress) => void): BlobTracker {
  const doneOf = new Map<Digest, number>()
  const furthestOf = new Map<Digest, number>()
  const blobBytesTotal = blobs.reduce((sum, { size }) => sum + size, 0)
  let blobBytesDone = 0
  let bytesFetched = 0

  function set({ digest, size }: Descriptor, done: number): void {
    blobBytesDone += done - (doneOf.get(digest) ?? 0)
    doneOf.set(digest, done)
    onProgress?.({ blobBytesDone, blobBytesTotal, blob: { digest, size, done } })
  }

  return {
    wasThere({ digest, size }) {
      doneOf.set(digest, size)
      blobBytesDone += size
    },
    begin(blob) {
      let last: number | undefined
      return (bytes) => {
        const moved = last === undefined ? 0 : bytes - last
        last = bytes
        bytesFetched += moved
        set(blob, bytes)
        const isFurther = bytes > (furthestOf.get(blob.digest) ?? 0)
        if (isFurther) furthestOf.set(blob.digest, bytes)
        return moved > 0 && isFurther
      }
    },
    report: () => onProgress?.({ blobBytesDone, blobBytesTotal }),
    bytesFetched: () => bytesFetched,
  }
}
