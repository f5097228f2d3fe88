/** No loop rests longer than this for having looked, in milliseconds. */
const longestMs = 10_000
/** What the looks of one loop may take of the one thread that there is: a sixteenth, as there are several such loops. */
const restsForEachLook = 15

/** What a loop has just done, in milliseconds. */
export interface Worked {
  readonly lookedMs: number
  /** While it writes, it rests from looking. */
  readonly wroteMs?: number
  /** The least rest, whatever it did. */
  readonly leastMs: number
}

/**
 * How long a loop rests before it looks at everything again: many times as long as the last look took. So the share of looks
 * stays the same however large a fleet is, and the larger it is, the more news are one look.
 */
export function restAfter({ lookedMs, wroteMs = 0, leastMs }: Worked): number {
  return Math.max(leastMs, Math.min(longestMs, restsForEachLook * lookedMs) - wroteMs)
}
