import type { Logger } from 'pino'
import { Fault, isFault } from '../oci/fault.ts'
import { restated } from '../registry/restated.ts'
import { Refusal, type RefusalCode } from '../server/refusal.ts'

export interface UpstreamFaultContext {
  /** What to call it if there is no such thing. */
  readonly unknown: RefusalCode & `${string}_UNKNOWN`
  /** The upstream, as its settings name it. */
  readonly host: string
  readonly log: Logger
}

/**
 * What a failure of an upstream is to a client of ours. It is never asked for credentials because of it, and nothing that the
 * upstream did wrong is called a mistake of the client. With which credentials we ask, and where they are from, is in the log only.
 */
export function upstreamFault(error: unknown, { unknown, host, log }: UpstreamFaultContext): unknown {
  if (!isFault(error) || error instanceof Refusal) return error
  if (error.details['lacksCredentials'] === true) {
    return new Fault('unavailable', `this mirror has not what it needs to ask ${host}; its log says more`, {
      cause: error,
    })
  }
  switch (error.code) {
    case 'not-found':
      return new Refusal(unknown, error.message, { cause: error })
    case 'denied':
      log.warn({ err: error, upstream: host }, 'an upstream refuses what it is asked for')
      return new Refusal('DENIED', `${host} refused this mirror; its log says more`, { cause: error })
    case 'invalid':
    case 'corrupt':
    case 'conflict':
      return new Fault('unavailable', error.message, { cause: error })
    case 'no-space':
    case 'unavailable':
      return restated(error, error.message)
  }
}
