/** How long certificates are good for, all in milliseconds. Each is renewed when a third of its time is left. */
export interface CertificateLifetimes {
  readonly authorityMs: number
  readonly servingMs: number
  /** How long it may take until all API servers know a new authority. */
  readonly settleMs: number
}

export const defaultLifetimes: CertificateLifetimes = {
  authorityMs: 2 * 365 * 24 * 3600_000,
  servingMs: 90 * 24 * 3600_000,
  settleMs: 60_000,
}

/** What a plan needs to know of certificates; times are epoch milliseconds. */
export interface CertificateTimes {
  /** When all of them have begun to be valid. */
  readonly begins: number
  readonly authorityEnds: number
  readonly servingEnds: number
  /** Of the authority to come, if there is one. */
  readonly nextEnds: number | undefined
  readonly hasPrevious: boolean
  readonly changedAt: number
}

export interface CertificateStanding {
  /** Undefined if there are no certificates, or none of use. */
  readonly times: CertificateTimes | undefined
  /** Whether all webhook configurations name the authority to come. */
  readonly isNextTrusted: boolean
  readonly now: number
}

/**
 * - `make`: an authority and a serving certificate, as there are none of use.
 * - `make-next`: an authority to come, which has to be trusted first.
 * - `switch`: the authority to come signs from now on, and the one before stays trusted.
 * - `forget-previous`: nobody serves any more with what the one before signed.
 * - `renew`: a serving certificate of the same authority.
 */
export type CertificateStep = 'make' | 'make-next' | 'switch' | 'forget-previous' | 'renew'

export interface CertificatePlan {
  readonly step: CertificateStep | undefined
  /** When there may be a step that nothing else calls for, epoch milliseconds. */
  readonly nextAt: number
}

/** A replica that does not hear of a change for a while finds its connection broken and looks anew: it has so many times settleMs. */
const patience = 10

/**
 * What is to be done next, so that there is never an instant at which what is served is not trusted: a new authority is trusted
 * before it signs, and an old one for as long as somebody might serve with what it signed.
 */
export function planCertificates(standing: CertificateStanding, lifetimes: CertificateLifetimes): CertificatePlan {
  const { times, now } = standing
  // What begins later was made while a clock was wrong.
  if (!times || times.authorityEnds <= now || times.begins > now) return { step: 'make', nextAt: now }
  const due = stepsOf(times, lifetimes)
  const isPossible = ({ step }: Due): boolean => step !== 'switch' || standing.isNextTrusted
  const step = due.find((one) => one.at <= now && isPossible(one))?.step
  return { step, nextAt: Math.min(...due.filter(({ at }) => at > now).map(({ at }) => at)) }
}

interface Due {
  readonly step: CertificateStep
  readonly at: number
}

function stepsOf(times: CertificateTimes, { authorityMs, servingMs, settleMs }: CertificateLifetimes): Due[] {
  const { authorityEnds, servingEnds, nextEnds, hasPrevious, changedAt } = times
  const renewAt = servingEnds - servingMs / 3
  return [
    ...(hasPrevious ? [{ step: 'forget-previous' as const, at: changedAt + patience * settleMs }] : []),
    // One that ended while nobody was there is replaced.
    ...(nextEnds === undefined ? [] : [{ step: 'make-next' as const, at: nextEnds }]),
    ...(nextEnds === undefined ? [] : [{ step: 'switch' as const, at: changedAt + settleMs }]),
    ...(nextEnds === undefined && !hasPrevious
      ? [{ step: 'make-next' as const, at: authorityEnds - authorityMs / 3 }]
      : []),
    // What ends with its authority is renewed by the next one.
    ...(servingEnds < authorityEnds ? [{ step: 'renew' as const, at: renewAt }] : []),
  ]
}
