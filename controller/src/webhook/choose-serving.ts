import type { KeyPair } from '@stowage/mirror/server/tls/key-pair'

/** What a server serves with. */
export interface Served {
  readonly pair: KeyPair
  /** The certificate of who signed it. */
  readonly authority: string
}

export interface ServingChoice {
  /** Undefined before the first one. */
  readonly current: Served | undefined
  readonly candidate: Served
  /** Whether it is known what the webhook configurations name. */
  readonly isKnown: boolean
  /** Since when all webhook configurations name an authority, epoch milliseconds; undefined if one of them does not. */
  readonly trustedSince: (authority: string) => number | undefined
  readonly settleMs: number
  readonly now: number
}

/**
 * When the candidate is to be served with, epoch milliseconds; Infinity as long as API servers would believe only the current
 * one, or as long as nobody knows whom they believe. Where they believe neither of them, the candidate is the one that they will.
 */
export function switchServingAt(choice: ServingChoice): number {
  const { current, candidate, isKnown, trustedSince, settleMs, now } = choice
  if (!current || current.authority === candidate.authority) return now
  if (!isKnown) return Infinity
  if (trustedSince(current.authority) === undefined) return now
  const since = trustedSince(candidate.authority)
  return since === undefined ? Infinity : since + settleMs
}
