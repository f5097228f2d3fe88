import type { Digest } from '../../oci/digest.ts'
import { createRecentlyUsed } from '../recently-used.ts'

/** Which blobs were read whole and found right, not long ago and in the version that lies there now. */
export interface Proofs {
  has(digest: Digest, etag: string): boolean
  note(digest: Digest, etag: string): void
}

export interface ProofsOptions {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** A disk can lose bytes without a sign of it: so long what was read is believed, in milliseconds. */
  readonly lifetimeMs?: number | undefined
}

/** So many blobs are known to be right at a time. */
const mostKnown = 100_000
const anHour = 3600_000

export function createProofs({ now, lifetimeMs = anHour }: ProofsOptions): Proofs {
  const known = createRecentlyUsed<{ readonly etag: string; readonly at: number }>(mostKnown)
  return {
    has(digest, etag) {
      const proof = known.get(digest)
      if (proof?.etag !== etag) return false
      const ageMs = now() - proof.at
      return ageMs >= 0 && ageMs < lifetimeMs
    },
    note: (digest, etag) => known.set(digest, { etag, at: now() }, 1),
  }
}
