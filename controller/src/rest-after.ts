/** No loop rests longer than this for having worked, in milliseconds. */
const longestMs = 5000

/**
 * How long a loop rests before it looks at everything again: as long as the thread was busy with the last look. So it never takes more than half
 * of the one thread that there is, and the larger a fleet is, the more news are one look.
 */
export function restAfter(workedMs: number, leastMs: number): number {
  return Math.min(longestMs, Math.max(leastMs, workedMs))
}
