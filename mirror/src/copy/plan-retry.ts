import type { Fault } from '../oci/fault.ts'

/** How patiently something is tried again on the spot, before its fault goes to whoever can wait longer. */
export interface RetryPace {
  /** The first pause is about this long, in milliseconds. */
  readonly baseMs: number
  /** No pause is longer; who asks for more is not waited for here. */
  readonly capMs: number
  /** Tries in a row that get nowhere. */
  readonly tries: number
}

export const defaultPace: RetryPace = { baseMs: 250, capMs: 10_000, tries: 5 }

/** What came of the tries so far. */
export interface Tries {
  /** Failures since something was last achieved. */
  readonly failures: number
  readonly corrupt: number
  /** The last pause, in milliseconds. */
  readonly delayMs: number
}

export const noTries: Tries = { failures: 0, corrupt: 0, delayMs: 0 }

export interface RetryInput {
  readonly pace: RetryPace
  /** From 0 to 1. */
  readonly random: number
  /** Whether the try that failed moved anything: a link that is cut again and again still gets it there. */
  readonly progressed: boolean
}

/**
 * Decides about another try after a failure: when the way was blocked, after a pause with decorrelated jitter; when the bytes
 * were wrong, once. Undefined gives up.
 */
export function planRetry(fault: Fault, before: Tries, { pace, random, progressed }: RetryInput): Tries | undefined {
  const { failures, delayMs: lastMs } = progressed ? noTries : before
  const corrupt = before.corrupt + (fault.code === 'corrupt' ? 1 : 0)
  const isWorthIt = fault.code === 'unavailable' || (fault.code === 'corrupt' && corrupt === 1)
  const askedMs = fault.retryAfterMs ?? 0
  if (!isWorthIt || failures + 1 >= pace.tries || askedMs > pace.capMs) return undefined
  const ceilingMs = Math.min(pace.capMs, Math.max(pace.baseMs, lastMs) * 3)
  const delayMs = Math.max(askedMs, pace.baseMs + random * Math.max(0, ceilingMs - pace.baseMs))
  return { failures: failures + 1, corrupt, delayMs }
}
