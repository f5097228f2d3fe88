import { isFault, type Fault, type FaultCode } from '../oci/fault.ts'
import { jsonAnswer, type Answer } from './answer.ts'
import { Refusal } from './refusal.ts'

interface Said {
  readonly status: number
  readonly code: string
  /** Instead of those of the fault. */
  readonly words?: string
}

/** What a fault without a code of the distribution API is called; the names beyond the spec are as Docker's registry has them. */
const saidOf: Readonly<Record<FaultCode, Said>> = {
  invalid: { status: 400, code: 'UNSUPPORTED' },
  'not-found': { status: 404, code: 'NAME_UNKNOWN' },
  denied: { status: 403, code: 'DENIED' },
  unavailable: { status: 503, code: 'UNAVAILABLE', words: 'this registry cannot do that for now; ask again' },
  corrupt: { status: 500, code: 'UNKNOWN', words: 'what this registry has of it is damaged' },
  'no-space': { status: 507, code: 'UNAVAILABLE', words: 'there is no space left in this registry' },
  conflict: { status: 409, code: 'BLOB_UPLOAD_INVALID' },
}

/**
 * The answer that says a failure to the client (distribution-spec, "Error Codes"). What the registry is to blame for is told in few
 * words: its faults name directories, buckets and addresses, and are for who reads its log. What is not a fault is a bug and tells
 * nothing.
 */
export function errorAnswer(error: unknown): Answer {
  if (!isFault(error)) return errors(500, 'UNKNOWN', 'internal error; the log of the registry says more')
  const { retryAfterMs } = error
  const again = retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }
  if (error instanceof Refusal) {
    const headers = { ...again, ...error.headers }
    return errors(error.status, error.refusal, error.message, { headers, detail: error.detail })
  }
  const { status, code, words } = saidOf[codeFor(error)]
  return errors(status, code, words === undefined ? error.message : `${words}. Its log says more`, { headers: again })
}

/** A disk that this process may not write to is none of the client's business. */
function codeFor({ code, details }: Fault): FaultCode {
  return details['errno'] === undefined || code === 'no-space' ? code : 'unavailable'
}

function errors(
  status: number,
  code: string,
  message: string,
  { headers = {}, detail }: { headers?: Readonly<Record<string, string>>; detail?: unknown } = {},
): Answer {
  return jsonAnswer(status, { errors: [{ code, message, detail: detail ?? {} }] }, headers)
}
