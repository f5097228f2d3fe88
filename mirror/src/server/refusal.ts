import { Fault, type FaultCode, type FaultOptions } from '../oci/fault.ts'

/** Error codes of distribution-spec, "Error Codes", and two of Docker's, with the status that usually goes with them. */
const refusals = {
  BLOB_UNKNOWN: { status: 404, fault: 'not-found' },
  BLOB_UPLOAD_INVALID: { status: 400, fault: 'invalid' },
  BLOB_UPLOAD_UNKNOWN: { status: 404, fault: 'not-found' },
  DIGEST_INVALID: { status: 400, fault: 'invalid' },
  MANIFEST_BLOB_UNKNOWN: { status: 404, fault: 'not-found' },
  MANIFEST_INVALID: { status: 400, fault: 'invalid' },
  MANIFEST_UNKNOWN: { status: 404, fault: 'not-found' },
  NAME_INVALID: { status: 400, fault: 'invalid' },
  NAME_UNKNOWN: { status: 404, fault: 'not-found' },
  PAGINATION_NUMBER_INVALID: { status: 400, fault: 'invalid' },
  SIZE_INVALID: { status: 400, fault: 'invalid' },
  UNAUTHORIZED: { status: 401, fault: 'denied' },
  DENIED: { status: 403, fault: 'denied' },
  TOOMANYREQUESTS: { status: 429, fault: 'unavailable' },
  UNAVAILABLE: { status: 503, fault: 'unavailable' },
  UNSUPPORTED: { status: 405, fault: 'invalid' },
} as const satisfies Record<string, { status: number; fault: FaultCode }>

export type RefusalCode = keyof typeof refusals

export interface RefusalOptions extends FaultOptions {
  /** Where it is not the usual one of the code. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** For the client, as `detail` of the error body. */
  readonly detail?: unknown
}

/** A fault that knows how the distribution API says it. */
export class Refusal extends Fault {
  readonly refusal: RefusalCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly detail: unknown

  constructor(refusal: RefusalCode, message: string, options: RefusalOptions = {}) {
    super(refusals[refusal].fault, message, options)
    this.refusal = refusal
    this.status = options.status ?? refusals[refusal].status
    this.headers = options.headers ?? {}
    this.detail = options.detail
  }
}
