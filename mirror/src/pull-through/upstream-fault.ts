import type { Logger } from 'pino'
import { isDigest } from '../oci/digest.ts'
import { isFault } from '../oci/fault.ts'
import { Refusal, type RefusalCode } from '../server/refusal.ts'
import type { Place } from './locate.ts'
import type { Upstream } from './upstream.ts'

export interface UpstreamFaultContext {
  /** What to call it if there is no such thing. */
  readonly unknown: RefusalCode & `${string}_UNKNOWN`
  readonly place: Place<Upstream>
  /** The tag or digest that was asked for. */
  readonly reference: string
  readonly log: Logger
}

/**
 * What a failure of an upstream is to a client of ours: what was asked for, as we call it, and why not, in our words. Where the
 * upstream is, by way of whom it is asked and with which credentials, and what it said itself, is in the log only. A client is never
 * asked for credentials because of it, and nothing that the upstream did wrong is called a mistake of the client.
 */
export function upstreamFault(error: unknown, { unknown, place, reference, log }: UpstreamFaultContext): unknown {
  if (!isFault(error) || error instanceof Refusal) return error
  const { retryAfterMs } = error
  const options = { cause: error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  const refusal = (code: RefusalCode, why: string): Refusal =>
    new Refusal(code, `${nameOf(place, reference)}: ${why}`, options)
  const facts = { err: error, upstream: place.upstream.settings.host, repository: place.repository }
  if (error.details['lacksCredentials'] === true) {
    return refusal('UNAVAILABLE', 'this mirror has not what it needs to ask its upstream; its log says more')
  }
  switch (error.code) {
    case 'not-found':
      log.debug(facts, 'an upstream has not what it is asked for')
      return refusal(unknown, 'its upstream has nothing of the kind')
    case 'denied':
      log.warn(facts, 'an upstream refuses what it is asked for')
      return refusal('DENIED', 'its upstream refused this mirror; its log says more')
    case 'invalid':
    case 'corrupt':
    case 'conflict':
      return refusal('UNAVAILABLE', 'what its upstream gave is not what it has to be; the log of this mirror says more')
    case 'unavailable':
      return refusal('UNAVAILABLE', 'its upstream does not answer for now, or asked to be asked less often')
    case 'no-space':
      return error
  }
}

/** What clients are told of an upstream that they have waited for long enough. */
export function notYetAnswered(place: Place<Upstream>, reference: string): Refusal {
  place.upstream.pause.overdue()
  return new Refusal('UNAVAILABLE', `${nameOf(place, reference)}: its upstream has not answered yet`)
}

function nameOf({ repository }: Place<Upstream>, reference: string): string {
  return `${repository}${isDigest(reference) ? '@' : ':'}${reference}`
}
