import { isFault, type Fault, type FaultCode } from '@stowage/mirror/oci/fault'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'

interface Said {
  readonly status: number
  readonly code: FaultCode
  /** Instead of those of the fault. */
  readonly words?: string
}

const away: Said = { status: 503, code: 'unavailable', words: 'the centre cannot do that for now; ask again' }

/** Nobody is denied anything here: it is the centre that was, by what it asked itself. */
const saidOf: Readonly<Record<FaultCode, Said>> = {
  invalid: { status: 400, code: 'invalid' },
  'not-found': { status: 404, code: 'not-found' },
  conflict: { status: 409, code: 'conflict' },
  corrupt: { status: 502, code: 'corrupt', words: 'what the centre has of it is damaged' },
  'no-space': { status: 507, code: 'no-space', words: 'there is no space left in the store of the centre' },
  unavailable: away,
  denied: away,
}

/**
 * Answers faults with `{ error: { code, message } }` and a status; what fastify refuses itself looks the same. What the centre is to
 * blame for is told in few words: its faults name directories and addresses, and are for who reads its log.
 */
export function createRefusalHandler(log: Logger): Parameters<FastifyInstance['setErrorHandler']>[0] {
  return (error, request, reply) => {
    const facts = { err: error, method: request.method, path: request.url.split('?', 1)[0] }
    if (isFault(error)) {
      const { status, code, words } = saidFor(error)
      if (words !== undefined) log.warn(facts, 'request failed')
      const message = words === undefined ? error.message : `${words}. Its log says more`
      return reply.code(status).send({ error: { code, message } })
    }
    const { statusCode = 500, message } = error as Error & { statusCode?: number }
    if (statusCode < 500) return reply.code(statusCode).send({ error: { code: 'invalid', message } })
    log.error(facts, 'request failed')
    return reply.code(500).send({ error: { code: 'internal', message: 'the centre failed; its log says why' } })
  }
}

/** A disk that this process may not write to is none of the client's business. */
function saidFor({ code, details }: Fault): Said {
  return details['errno'] === undefined || code === 'no-space' ? saidOf[code] : away
}
