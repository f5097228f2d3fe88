import { Fault, isFault } from '../oci/fault.ts'

/** Whether an upstream is to be left alone for a while: it does not answer, or asked for that. */
export interface Pause {
  /** Whether the last we heard is that it does not answer. */
  readonly isAway: boolean
  /** @throws Fault unavailable while it is to be left alone, with the time that is left */
  check(): void
  /** Notes what came of a request. */
  note(fault: unknown): void
  /** Notes that a request is not answered for longer than anybody should wait. */
  overdue(): void
}

export interface PauseOptions {
  /** For messages. */
  readonly upstream: string
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /** From 0 to 1. */
  readonly random: () => number
}

const firstPauseMs = 500
/** Not longer, so that a link that comes back is soon found. */
const longestPauseMs = 15_000
/** After 429 without Retry-After. */
const politePauseMs = 60_000

/** How long an upstream is left alone after so many failures in a row; what it asks for counts in any case. */
export function pauseAfter(fault: Fault, failures: number, random: number): number {
  if (fault.retryAfterMs !== undefined) return fault.retryAfterMs
  if (fault.details['status'] === 429) return politePauseMs
  return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures, 10)) * (0.5 + random / 2)
}

/** A status that says that the registry itself is in trouble, and not one thing in it; without a status nobody answered. */
function isOutage(error: unknown): error is Fault {
  if (!isFault(error, 'unavailable')) return false
  const { status } = error.details
  return status === undefined || error.retryAfterMs !== undefined || [429, 502, 503, 504].includes(Number(status))
}

export function createPause({ upstream, now, random }: PauseOptions): Pause {
  let failures = 0
  let until = 0
  let isOverdue = false
  /** Why it is left alone. */
  let cause: Fault | undefined

  return {
    get isAway() {
      return failures > 0 || isOverdue
    },
    check() {
      const leftMs = until - now()
      if (leftMs <= 0) return
      throw new Fault('unavailable', `${upstream} does not answer, or asked not to be asked for now`, {
        cause,
        retryAfterMs: leftMs,
        details: { isPaused: true },
      })
    },
    note(error) {
      if (isFault(error) && error.details['isPaused'] === true) return
      isOverdue = false
      if (!isOutage(error)) {
        failures = 0
        until = 0
      } else if (now() >= until || error.retryAfterMs !== undefined) {
        // Many requests fail together: that is one failure.
        until = Math.max(until, now() + pauseAfter(error, failures, random()))
        failures += 1
        cause = error
      }
    },
    overdue: () => void (isOverdue = true),
  }
}
