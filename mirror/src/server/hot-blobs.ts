import type { Digest } from '../oci/digest.ts'
import { createRecentlyUsed } from '../store/recently-used.ts'

/** Whole blobs in memory, while many ask for them. */
export interface HotBlobs {
  /**
   * The bytes of a blob that was asked for a while ago, too: read once for all who ask. Undefined for one that was not, or for
   * which there is no room beside those that are being sent.
   * @throws what `read` throws
   */
  hold(digest: Digest, size: number, read: () => Promise<Uint8Array>): Promise<HeldBlob | undefined>
  /** The same at once, if it is in memory already. */
  grab(digest: Digest): HeldBlob | undefined
}

/** Takes its room until it is disposed of. */
export interface HeldBlob extends Disposable {
  readonly bytes: Uint8Array
}

interface Entry {
  readonly size: number
  readonly reading: Promise<Uint8Array>
  /** Once they are read. */
  bytes?: Uint8Array
  readers: number
}

/** So many that were asked for once are remembered. */
const mostAsked = 1000

/** Keeps at most `maxBytes`; what nobody reads and was not asked for longest goes first. */
export function createHotBlobs(maxBytes: number): HotBlobs {
  const asked = createRecentlyUsed<true>(mostAsked)
  const entries = new Map<Digest, Entry>()
  let total = 0

  function drop(digest: Digest, entry: Entry): void {
    if (entries.get(digest) !== entry) return
    entries.delete(digest)
    total -= entry.size
  }

  function makeRoom(size: number): boolean {
    for (const [digest, entry] of entries) {
      if (total + size <= maxBytes) break
      if (entry.readers === 0) drop(digest, entry)
    }
    return total + size <= maxBytes
  }

  function begin(digest: Digest, size: number, read: () => Promise<Uint8Array>): Entry | undefined {
    const isAskedAgain = asked.get(digest) === true
    asked.set(digest, true, 1)
    if (!isAskedAgain || !makeRoom(size)) return undefined
    total += size
    return { size, reading: read(), readers: 0 }
  }

  function held(digest: Digest, entry: Entry, bytes: Uint8Array): HeldBlob {
    entries.delete(digest)
    entries.set(digest, entry)
    entry.readers++
    return { bytes, [Symbol.dispose]: () => void entry.readers-- }
  }

  return {
    grab(digest) {
      const entry = entries.get(digest)
      return entry?.bytes && held(digest, entry, entry.bytes)
    },

    async hold(digest, size, read) {
      const entry = entries.get(digest) ?? begin(digest, size, read)
      if (!entry) return undefined
      // Counted from now on, so that it stays while it is read.
      const claim = held(digest, entry, Buffer.alloc(0))
      try {
        entry.bytes = await entry.reading
        return { ...claim, bytes: entry.bytes }
      } catch (error) {
        drop(digest, entry)
        throw error
      }
    },
  }
}
