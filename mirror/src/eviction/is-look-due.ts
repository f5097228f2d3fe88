/** What is known without a look at the store. Bytes, and milliseconds. */
export interface LookFacts {
  /** Since the last look ended; undefined if there was none. */
  readonly sinceLookMs: number | undefined
  /** What pulled images took after that look. */
  readonly pulledBytes: number
  /** Came from upstreams since. */
  readonly cameBytes: number
  readonly budgetBytes: number
  /** How much less is free now than is to be. */
  readonly shortBytes: number
  /** That look could not take away as much as it should have. */
  readonly isUnsettled: boolean
}

const hourlyMs = 3600_000
/** What could not go then may go after so long. */
const againMs = 5 * 60_000

/** Decides about a look at the whole store: it costs, so there is one when it may come to something. */
export function isLookDue(facts: LookFacts): boolean {
  const { sinceLookMs = Infinity, pulledBytes, cameBytes, budgetBytes, shortBytes, isUnsettled } = facts
  if (sinceLookMs >= (isUnsettled ? againMs : hourlyMs)) return true
  if (cameBytes > 0 && pulledBytes + cameBytes > budgetBytes) return !isUnsettled
  return shortBytes > 0 && !isUnsettled
}
