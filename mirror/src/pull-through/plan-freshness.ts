/**
 * How sure a tag must be that it still means what it meant.
 *
 * - `pinned`: what it meant first, for ever; its upstream is asked only for what is not known.
 * - `always`: its upstream is asked each time, as long as it answers.
 * - otherwise: what was asked within `maxAgeMs` is taken for true; what is not older than `staleMs` beyond that is answered at
 *   once and asked for behind that answer; what is older is asked for first.
 */
export type Freshness = 'pinned' | 'always' | { readonly maxAgeMs: number; readonly staleMs: number }

/** What is done about a request for a tag. */
export type TagStep = 'answer' | 'answer-and-check' | 'check-first'

export interface TagFacts {
  readonly freshness: Freshness
  /** Whether there is a manifest that it can be answered with. */
  readonly isKnown: boolean
  /** Since the upstream was last heard about it, in milliseconds; undefined in a process that did not ask yet. */
  readonly ageMs: number | undefined
  /** Whether the upstream does not answer at the moment. */
  readonly isAway: boolean
}

/** Decides; nobody waits for an upstream that is away if there is anything to be answered. */
export function planTag({ freshness, isKnown, ageMs = Infinity, isAway }: TagFacts): TagStep {
  if (!isKnown) return 'check-first'
  if (freshness === 'pinned') return 'answer'
  const { maxAgeMs, staleMs } = freshness === 'always' ? { maxAgeMs: 0, staleMs: 0 } : freshness
  if (ageMs < maxAgeMs) return 'answer'
  const isBearable = staleMs === Infinity || ageMs < maxAgeMs + staleMs
  return isAway || isBearable ? 'answer-and-check' : 'check-first'
}
