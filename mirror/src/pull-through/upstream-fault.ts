import { Fault, isFault } from '../oci/fault.ts'
import { restated } from '../registry/restated.ts'
import { Refusal, type RefusalCode } from '../server/refusal.ts'

/**
 * What a failure of an upstream is to a client of ours. It is never asked for credentials because of it, and nothing that the
 * upstream did wrong is called a mistake of the client.
 */
export function upstreamFault(error: unknown, unknown: RefusalCode & `${string}_UNKNOWN`): unknown {
  if (!isFault(error) || error instanceof Refusal) return error
  switch (error.code) {
    case 'not-found':
      return new Refusal(unknown, error.message, { cause: error })
    case 'denied':
      return new Refusal('DENIED', error.message, { cause: error })
    case 'invalid':
    case 'corrupt':
    case 'conflict':
      return new Fault('unavailable', error.message, { cause: error })
    case 'no-space':
    case 'unavailable':
      return restated(error, error.message)
  }
}
