import { emptyTally } from './scrub-tally.ts'
import type { ScrubPass, ScrubState } from './scrub-state.ts'

export interface PlanScrubOptions {
  /** Which process asks. */
  readonly owner: string
  /** From the beginning of a pass to that of the next one, in milliseconds. */
  readonly everyMs: number
  /** How long a process is waited for that says nothing, in milliseconds. */
  readonly leaseMs: number
  /** Epoch milliseconds. */
  readonly now: number
}

/** What a process does about the scrub: work on this pass, or look again later. */
export type ScrubPlan =
  { readonly kind: 'work'; readonly pass: ScrubPass } | { readonly kind: 'wait'; readonly ms: number }

/** Goes on with a pass that somebody left, or begins one when it is time. One process works at a time. */
export function planScrub(state: ScrubState | undefined, options: PlanScrubOptions): ScrubPlan {
  const { owner, everyMs, leaseMs, now } = options
  const until = now + leaseMs
  const pass = state?.pass
  if (pass) {
    // A lease that ends later than one can is of a clock that was set back since.
    const isOthers = pass.owner !== owner && pass.until > now && pass.until <= until
    return isOthers ? { kind: 'wait', ms: pass.until - now } : { kind: 'work', pass: { ...pass, owner, until } }
  }
  const begunAt = state?.last?.begunAt
  const waitMs = begunAt === undefined || begunAt > now ? 0 : begunAt + everyMs - now
  if (waitMs > 0) return { kind: 'wait', ms: waitMs }
  return { kind: 'work', pass: { begunAt: now, after: '', tally: emptyTally, owner, until } }
}

/** The state with a pass that is through. */
export function ended({ begunAt, tally }: Pick<ScrubPass, 'begunAt' | 'tally'>, endedAt: number): ScrubState {
  return { version: 1, pass: null, last: { begunAt, endedAt, tally } }
}
