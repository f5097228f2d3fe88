import { Fault } from '../oci/fault.ts'

/** What goes wrong on the way to an answer besides what Node and OpenSSL have codes for. */
export type FailureCode = 'CONNECT_TIMEOUT' | 'HEADERS_TIMEOUT' | 'BODY_TIMEOUT' | 'PROXY_UNREACHABLE' | 'PROXY_REFUSED'

/** An error with such a code, to be told by `connectionFault`. */
export interface Failure extends Error {
  readonly code: FailureCode
  /** What the proxy answered. */
  readonly status?: number
}

/** Makes the error of a code. */
export function failureOf(
  code: FailureCode,
  { cause, status }: { readonly cause?: unknown; readonly status?: number } = {},
): Failure {
  return Object.assign(new Error(code, { cause }), { code, ...(status !== undefined && { status }) })
}

/** What a code means to the person who reads about it. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'its name could not be looked up; is there a network?',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'the network is unreachable',
  ENETDOWN: 'the network is down',
  EADDRNOTAVAIL: 'no local address or port is free',
  ETIMEDOUT: 'the connection timed out',
  ECONNRESET: 'the connection was cut',
  ECONNABORTED: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ERR_STREAM_PREMATURE_CLOSE: 'the connection was cut',
  CONNECT_TIMEOUT: 'no answer to the connection attempt',
  HEADERS_TIMEOUT: 'no answer to the request in time',
  BODY_TIMEOUT: 'the connection is silent: no byte came for too long',
  HPE_HEADER_OVERFLOW: "the answer is not a registry's: its header is too large",
  PROXY_UNREACHABLE: 'the proxy cannot be reached',
  CERT_HAS_EXPIRED: 'its certificate has expired (or the clock of this machine is wrong)',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet (or the clock of this machine is wrong)',
  CERT_REVOKED: 'its certificate was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  EPROTO: 'it does not speak TLS; a registry in plain HTTP must be named with --insecure-registry',
  ERR_SSL_WRONG_VERSION_NUMBER:
    'it does not speak TLS; a registry in plain HTTP must be named with --insecure-registry',
  ERR_SSL_PACKET_LENGTH_TOO_LONG:
    'it does not speak TLS; a registry in plain HTTP must be named with --insecure-registry',
}

const untrusted = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
])

/** Errors of these codes are aborts or our own mistakes, not the network's. */
const ownCodes = /^(?:ABORT_ERR|ERR_(?!TLS_|SSL_|STREAM_PREMATURE_CLOSE).*)$/

/** What a server of TLS makes of plain HTTP: it hangs up, or tells in its own language. */
const hangingUp = /^(?:ECONNRESET|ECONNABORTED|EPIPE|HPE_(?!HEADER_OVERFLOW).*)$/

export interface ConnectionFaultOptions {
  /** Whether it was asked in plain HTTP, and has never answered that yet. */
  readonly isUntriedHttp?: boolean
}

/**
 * What an error of the network means: Fault unavailable with a reason for people, and the code in `details`.
 * Anything else, an abort too, is given back as it is.
 */
export function connectionFault(
  error: unknown,
  host: string,
  { isUntriedHttp = false }: ConnectionFaultOptions = {},
): unknown {
  const code = codeOf(error)
  if (error instanceof Fault || code === undefined || ownCodes.test(code)) return error
  const guess = isUntriedHttp && hangingUp.test(code) ? '; it was asked in plain HTTP, perhaps it speaks TLS' : ''
  return new Fault('unavailable', `${host}: ${reasonOf(code, error)}${guess}`, {
    cause: error,
    details: { host, code },
  })
}

function reasonOf(code: string, error: unknown): string {
  if (code === 'PROXY_REFUSED') return refusalOf((error as Failure).status)
  if (untrusted.has(code))
    return `its certificate is not trusted (${code}); name the certificate of its authority with --ca-file`
  const reason = reasons[code]
  if (reason !== undefined) return reason
  return code.startsWith('HPE_') ? 'the answer is not HTTP' : `the connection failed (${code})`
}

/** Happy Eyeballs reports all tries in one error; its code is that of the first. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code } = error as { code?: unknown }
  if (typeof code === 'string') return code
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined
}

function refusalOf(status: number | undefined): string {
  return status === 407 ? 'the proxy wants a user and a password (407)' : `the proxy refused to connect (${status})`
}
