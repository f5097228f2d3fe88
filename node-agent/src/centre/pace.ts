import type { Fault } from '@stowage/mirror/oci/fault'
import { backOff } from '../plan/back-off.ts'
import type { Attempt } from '../state/attempts.ts'

/** When something that fails is to be tried again; forgets as soon as it succeeds. */
export interface Pace {
  /** Milliseconds from now. */
  waitMs(): number
  failed(fault: Fault): void
  /** Nothing went wrong, but there was nothing to wait for either: the longer that goes on, the less often. */
  idled(): void
  succeeded(): void
}

export interface PaceOptions {
  /** No pause is longer, in milliseconds. */
  readonly capMs: number
  readonly random: () => number
  /** Milliseconds, from any beginning, never going back. */
  readonly monotonicNow: () => number
}

const firstIdleMs = 500

export function createPace({ capMs, random, monotonicNow }: PaceOptions): Pace {
  let attempt: Attempt | undefined
  let idleMs = 0
  let notBefore = 0

  return {
    waitMs: () => Math.max(0, notBefore - monotonicNow()),
    failed(fault) {
      attempt = backOff('centre', fault, { previous: attempt, now: 0, random })
      notBefore = monotonicNow() + Math.min(attempt.delayMs, capMs)
    },
    idled() {
      attempt = undefined
      idleMs = Math.min(capMs, Math.max(firstIdleMs, 2 * idleMs))
      notBefore = monotonicNow() + idleMs * (0.5 + random() / 2)
    },
    succeeded() {
      attempt = undefined
      idleMs = 0
      notBefore = 0
    },
  }
}
