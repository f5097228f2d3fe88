import { createHash, type Hash } from 'node:crypto'
import type { Extent } from '../state/part-journal.ts'

/** Cuts bytes that pass by into extents. */
export interface ExtentHasher {
  update(chunk: Uint8Array): void
  /** The extents that came to be or grew since the last call, the last of them perhaps still growing. */
  take(): Extent[]
}

/**
 * @param position where the next byte will lie; a multiple of `extentBytes`
 * @param extentBytes extents begin at multiples of it, so that whoever goes on with a file cuts it in the same places
 */
export function createExtentHasher(position: number, extentBytes: number): ExtentHasher {
  let start = position
  let end = position
  let hash: Hash = createHash('sha256')
  let ended: Extent[] = []
  let takenUpTo = position

  function cut(): void {
    ended.push({ start, end, sha256: hash.digest('hex') })
    start = end
    hash = createHash('sha256')
  }

  return {
    update(chunk) {
      for (let rest = chunk; rest.length > 0;) {
        const piece = rest.subarray(0, start + extentBytes - end)
        hash.update(piece)
        end += piece.length
        if (end - start === extentBytes) cut()
        rest = rest.subarray(piece.length)
      }
    },
    take() {
      const extents = ended
      ended = []
      if (end > start && end > takenUpTo) extents.push({ start, end, sha256: hash.copy().digest('hex') })
      takenUpTo = end
      return extents
    },
  }
}
