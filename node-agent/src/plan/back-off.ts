import type { Fault, FaultCode } from '@stowage/mirror/oci/fault'
import type { Attempt } from '../state/attempts.ts'

interface Pace {
  /** The first pause is about this long, in milliseconds. */
  readonly baseMs: number
  /** No pause is longer. */
  readonly capMs: number
}

const second = 1000
const minute = 60 * second

/** How patiently each kind of failure is met. None is given up. */
const paces: Readonly<Record<FaultCode, Pace>> = {
  unavailable: { baseMs: 0.5 * second, capMs: 5 * minute },
  conflict: { baseMs: 0.5 * second, capMs: minute },
  corrupt: { baseMs: second, capMs: 10 * minute },
  'no-space': { baseMs: 15 * second, capMs: 5 * minute },
  'not-found': { baseMs: 30 * second, capMs: 30 * minute },
  denied: { baseMs: minute, capMs: 30 * minute },
  invalid: { baseMs: 30 * minute, capMs: 360 * minute },
}

export interface BackOffOptions {
  /** The failure before this one; undefined if there was none, or if the last try got somewhere. */
  readonly previous?: Pick<Attempt, 'tries' | 'delayMs'> | undefined
  /** Epoch milliseconds. */
  readonly now: number
  /** From 0 to 1. */
  readonly random: () => number
}

/** Notes a failure and when to try again: decorrelated jitter, so that nodes that fell together do not rise together. */
export function backOff(subject: string, fault: Fault, { previous, now, random }: BackOffOptions): Attempt {
  const { baseMs, capMs } = paces[fault.code]
  const ceilingMs = Math.min(capMs, Math.max(baseMs, previous?.delayMs ?? 0) * 3)
  const jittered = baseMs + random() * Math.max(0, ceilingMs - baseMs)
  const delayMs = Math.max(jittered, Math.min(fault.retryAfterMs ?? 0, longestRequestedMs))
  return {
    subject,
    tries: (previous?.tries ?? 0) + 1,
    delayMs,
    retryAt: now + delayMs,
    code: fault.code,
    message: fault.message,
  }
}

/** The other side may ask us to wait, but not for ever. */
const longestRequestedMs = 60 * minute

/**
 * Milliseconds until the next try. Clocks at the edge jump: a date further away than the pause was meant to be long says
 * that the clock was set back, not that there is time.
 */
export function dueInMs({ retryAt, delayMs }: Pick<Attempt, 'retryAt' | 'delayMs'>, now: number): number {
  const left = retryAt - now
  return left > delayMs + second ? 0 : Math.max(0, left)
}
