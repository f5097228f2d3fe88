import { Fault } from '../oci/fault.ts'

/** What a code of Node, OpenSSL or undici means to the person who reads about it. */
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
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the connection was cut',
  UND_ERR_CONNECT_TIMEOUT: 'no answer to the connection attempt',
  UND_ERR_HEADERS_TIMEOUT: 'no answer to the request in time',
  UND_ERR_BODY_TIMEOUT: 'the connection is silent: no byte came for too long',
  UND_ERR_HEADERS_OVERFLOW: "the answer is not a registry's: its header is too large",
  UND_ERR_PRX_TLS: 'the certificate of the proxy is not for its name',
  UND_ERR_PRX_CONN: 'the proxy cannot be reached',
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
const ownCodes = /^(?:ABORT_ERR|UND_ERR_ABORTED|UND_ERR_INVALID_.*|ERR_(?!TLS_|SSL_|STREAM_PREMATURE_CLOSE).*)$/

/**
 * What an error of the network means: Fault unavailable with a reason for people, and the code in `details`.
 * Anything else, an abort too, is given back as it is.
 */
export function connectionFault(error: unknown, host: string): unknown {
  if (isProxyRefusal(error)) return proxyFault(error, host)
  const code = codeOf(error)
  if (error instanceof Fault || code === undefined || ownCodes.test(code)) return error
  return new Fault('unavailable', `${host}: ${reasonOf(code)}`, { cause: error, details: { host, code } })
}

function reasonOf(code: string): string {
  if (untrusted.has(code))
    return `its certificate is not trusted (${code}); name the certificate of its authority with --ca-file`
  if (code.startsWith('HPE_')) return 'the answer is not HTTP'
  return reasons[code] ?? `the connection failed (${code})`
}

/** Happy Eyeballs reports all tries in one error; its code is that of the first. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code } = error as { code?: unknown }
  if (typeof code === 'string') return code
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined
}

/** undici says so in words only. */
function isProxyRefusal(error: unknown): error is Error {
  return error instanceof Error && /Proxy response \(\d+\)|Proxy Authentication Required/.test(error.message)
}

function proxyFault(error: Error, host: string): Fault {
  const status = /\((\d{3})\)/.exec(error.message)?.[1] ?? 'no status'
  const what =
    status === '407' ? 'the proxy wants a user and a password (407)' : `the proxy refused to connect (${status})`
  return new Fault('unavailable', `${host}: ${what}`, { cause: error, details: { host } })
}
