import { isFault, type FaultCode } from '../oci/fault.ts'
import { jsonAnswer, type Answer } from './answer.ts'
import { Refusal } from './refusal.ts'

interface Said {
  readonly status: number
  readonly code: string
}

/** What a fault without a code of the distribution API is called; the names beyond the spec are as Docker's registry has them. */
const saidOf = {
  invalid: { status: 400, code: 'UNSUPPORTED' },
  'not-found': { status: 404, code: 'NAME_UNKNOWN' },
  denied: { status: 403, code: 'DENIED' },
  unavailable: { status: 503, code: 'UNAVAILABLE' },
  corrupt: { status: 500, code: 'UNKNOWN' },
  'no-space': { status: 507, code: 'UNAVAILABLE' },
  conflict: { status: 409, code: 'BLOB_UPLOAD_INVALID' },
} as const satisfies Record<FaultCode, Said>

/** The answer that says a failure to the client (distribution-spec, "Error Codes"). What is not a fault is a bug and tells nothing. */
export function errorAnswer(error: unknown): Answer {
  if (!isFault(error)) return errors(500, 'UNKNOWN', 'internal error; the log of the registry says more')
  const { retryAfterMs } = error
  const again = retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }
  if (error instanceof Refusal) {
    const headers = { ...again, ...error.headers }
    return errors(error.status, error.refusal, error.message, { headers, detail: error.detail })
  }
  const { status, code } = saidOf[error.code]
  return errors(status, code, error.message, { headers: again })
}

function errors(
  status: number,
  code: string,
  message: string,
  { headers = {}, detail }: { headers?: Readonly<Record<string, string>>; detail?: unknown } = {},
): Answer {
  return jsonAnswer(status, { errors: [{ code, message, detail: detail ?? {} }] }, headers)
}
