import { isFault } from '../../oci/fault.ts'
import { statusOfFault, type RefusalBody } from '../../store/remote/wire.ts'
import { jsonAnswer, type Answer } from '../answer.ts'

/** Says a failure to the other side, which makes the same fault of it. What is not a fault is a bug and tells nothing. */
export function refusalAnswer(error: unknown): Answer {
  if (!isFault(error)) return refusal(500, { fault: 'unavailable', message: 'internal error; its log says more' })
  const { code, message, retryAfterMs, details } = error
  const { size, errno } = details
  const facts = { ...(typeof size === 'number' && { size }), ...(typeof errno === 'string' && { errno }) }
  return refusal(
    statusOfFault[code],
    { fault: code, message, ...facts },
    retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) },
  )
}

export function refusal(status: number, body: RefusalBody, headers?: Answer['headers']): Answer {
  return jsonAnswer(status, body, headers)
}
