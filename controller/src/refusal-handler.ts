import { isFault, type FaultCode } from '@stowage/mirror/oci/fault'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'

const statuses: Readonly<Record<FaultCode, number>> = {
  invalid: 400,
  denied: 403,
  'not-found': 404,
  conflict: 409,
  corrupt: 502,
  unavailable: 503,
  'no-space': 507,
}

/** Answers faults with `{ error: { code, message } }` and a status; what fastify refuses itself looks the same. */
export function createRefusalHandler(log: Logger): Parameters<FastifyInstance['setErrorHandler']>[0] {
  return (error, request, reply) => {
    if (isFault(error)) {
      const { code, message } = error
      return reply.code(statuses[code]).send({ error: { code, message } })
    }
    const { statusCode = 500, message } = error as Error & { statusCode?: number }
    if (statusCode < 500) return reply.code(statusCode).send({ error: { code: 'invalid', message } })
    log.error({ err: error, method: request.method, path: request.url.split('?', 1)[0] }, 'request failed')
    return reply.code(500).send({ error: { code: 'internal', message: 'the centre failed; its log says why' } })
  }
}
