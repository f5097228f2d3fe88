import { isFault, type FaultCode } from '../../oci/fault.ts'
import type { RefusalBody } from '../../store/remote/wire.ts'
import { jsonAnswer, type Answer } from '../answer.ts'

const statusOf: Readonly<Record<FaultCode, number>> = {
  invalid: 400,
  'not-found': 404,
  denied: 403,
  unavailable: 503,
  corrupt: 422,
  'no-space': 507,
  conflict: 409,
}

/** Says a failure to the other side, which makes the same fault of it. What is not a fault is a bug and tells nothing. */
export function refusalAnswer(error: unknown): Answer {
  if (!isFault(error)) return refusal(500, { fault: 'unavailable', message: 'internal error; its log says more' })
  const { code, message, retryAfterMs, details } = error
  const size = details['size']
  return refusal(
    statusOf[code],
    { fault: code, message, ...(typeof size === 'number' ? { size } : {}) },
    retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) },
  )
}

export function refusal(status: number, body: RefusalBody, headers?: Answer['headers']): Answer {
  return jsonAnswer(status, body, headers)
}
