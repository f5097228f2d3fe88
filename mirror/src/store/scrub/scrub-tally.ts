import * as z from 'zod'

const count = z.number().int().nonnegative()

/** What re-hashing came to. */
export const scrubTallySchema = z.object({
  blobs: count,
  /** Read and hashed. */
  bytes: count,
  /** Whose bytes were wrong twice; they are in quarantine. */
  damaged: count,
  /** The store could not give them, though it has them. */
  unreadable: count,
})
export type ScrubTally = z.infer<typeof scrubTallySchema>

export const emptyTally: ScrubTally = { blobs: 0, bytes: 0, damaged: 0, unreadable: 0 }
