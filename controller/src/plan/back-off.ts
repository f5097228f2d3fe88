import type { FaultCode } from '@stowage/mirror/oci/fault'

/** First and longest wait before another try upstream, in milliseconds. */
const waits: Readonly<Record<FaultCode, readonly [first: number, longest: number]>> = {
  unavailable: [1000, 60_000],
  conflict: [1000, 10_000],
  corrupt: [5000, 5 * 60_000],
  'no-space': [10_000, 60_000],
  'not-found': [10_000, 5 * 60_000],
  denied: [30_000, 15 * 60_000],
  invalid: [60_000, 15 * 60_000],
}

export interface BackOffInput {
  readonly code: FaultCode
  /** What the other side asked for. */
  readonly retryAfterMs?: number | undefined
  /** Tries so far, from 1. */
  readonly attempts: number
  /** 0 to 1. */
  readonly random: number
}

/** How long to wait after a failed try, in milliseconds: doubling, up to half of it left to chance, never less than asked for. */
export function backOffMs({ code, retryAfterMs = 0, attempts, random }: BackOffInput): number {
  const [first, longest] = waits[code]
  const full = Math.min(longest, first * 2 ** Math.min(attempts - 1, 30))
  return Math.max(retryAfterMs, Math.round(full * (1 - random / 2)))
}
