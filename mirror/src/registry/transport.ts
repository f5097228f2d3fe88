import { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { createSecureContext, getCACertificates } from 'node:tls'
import { Fault } from '../oci/fault.ts'
import { connectionFault, failureOf } from './connection-fault.ts'
import { createConnections, type Connections } from './connections.ts'
import { isInsecure } from './endpoint.ts'
import type { InsideGuard } from './inside-guard.ts'
import type { Trust } from './open-tunnel.ts'
import { proxyFor, type ProxySettings } from './proxy.ts'
import { isWhole, sendRequest, type RequestBody } from './send-request.ts'

/** How long silence is taken for patience, in milliseconds. */
export interface Timeouts {
  readonly connectMs: number
  /** From the request to the head of the answer. */
  readonly headersMs: number
  /** Between two pieces of a body, while we are reading. */
  readonly stallMs: number
}

const defaultTimeouts: Timeouts = { connectMs: 15_000, headersMs: 30_000, stallMs: 60_000 }

export interface TransportOptions {
  /** Certificates in PEM that are trusted besides those of the system. */
  readonly ca?: string | undefined
  readonly proxy?: ProxySettings | undefined
  /** `HOST` or `HOST:PORT` whose certificate is not checked. */
  readonly insecureRegistries?: readonly string[] | undefined
  readonly userAgent?: string | undefined
  readonly timeouts?: Partial<Timeouts> | undefined
  /** Is asked about every host that is not behind a proxy; absent: all may be asked. */
  readonly guard?: InsideGuard | undefined
}

export interface Ask {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** What is iterated is sent as it comes, and at the pace of the other side; it cannot be sent again. */
  readonly body?: RequestBody | undefined
  readonly signal?: AbortSignal | undefined
  /** From the request to the head of the answer, where that is not as usual, in milliseconds. */
  readonly headersMs?: number | undefined
  /** Whether it may be sent again when a kept connection ended under it: by default unless it is a POST. */
  readonly mayRepeat?: boolean | undefined
}

/** The head of an answer, and its body: who gets it reads or destroys the body. */
export interface Answer {
  readonly status: number
  /** Of `www-authenticate` all fields, as they came. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: IncomingMessage
  /** How long the body may be silent while it is read, in milliseconds. */
  readonly stallMs: number
  /** What was asked, after redirects. */
  readonly url: URL
}

/** One set of connections with its trust, proxies and patience. */
export interface Transport extends AsyncDisposable {
  /**
   * Sends one request; does not follow redirects.
   * @throws Fault unavailable; the reason of `signal` as it is
   */
  send(url: URL, ask?: Ask): Promise<Answer>
}

/**
 * Opens a transport; connections are made as they are needed.
 * @throws Fault invalid if `ca` holds no certificates
 */
export function openTransport(options: TransportOptions = {}): Transport {
  const timeouts = { ...defaultTimeouts, ...options.timeouts }
  const trust = trustIn(options.ca)
  const known = new Map<string, Connections>()
  const answered = new Set<string>()
  const proxyOf = (url: URL): URL | undefined => proxyFor(url, options.proxy ?? {})
  const isUntriedHttp = ({ protocol, origin }: URL): boolean => protocol === 'http:' && !answered.has(origin)

  function connectionsFor(url: URL): Connections {
    const proxy = proxyOf(url)
    const isTrusting = isInsecure(url, options.insecureRegistries ?? [])
    const key = `${isTrusting} ${proxy?.href ?? ''}`
    const connections =
      known.get(key) ??
      createConnections({ ...timeouts, proxy, trust: isTrusting ? { rejectUnauthorized: false } : trust })
    known.set(key, connections)
    return connections
  }

  return {
    async send(
      url,
      { method = 'GET', headers = {}, body, signal, headersMs, mayRepeat = mayBeRepeated(method, body) } = {},
    ) {
      try {
        const lookup = proxyOf(url) ? undefined : await options.guard?.(url)
        const answer = await sendRequest(url, {
          ...timeouts,
          lookup,
          connections: connectionsFor(url),
          method,
          headers: { 'user-agent': options.userAgent ?? 'stowage', 'accept-encoding': 'identity', ...headers },
          body,
          signal,
          mayRepeat,
          ...(headersMs !== undefined && { headersMs }),
        })
        answered.add(url.origin)
        return {
          status: answer.statusCode ?? 0,
          headers: headersOf(answer),
          body: answer,
          stallMs: timeouts.stallMs,
          url,
        }
      } catch (error) {
        signal?.throwIfAborted()
        throw connectionFault(error, url.host, { isUntriedHttp: isUntriedHttp(url) })
      }
    },

    async [Symbol.asyncDispose]() {
      for (const connections of known.values()) connections.close()
    },
  }
}

function mayBeRepeated(method: Ask['method'], body: RequestBody | undefined): boolean {
  return method !== 'POST' && isWhole(body)
}

/** Node makes one text of fields that come several times; challenges are easier to tell apart as they came. */
function headersOf({ headers, headersDistinct }: IncomingMessage): Answer['headers'] {
  return { ...headers, 'www-authenticate': headersDistinct['www-authenticate'] }
}

/**
 * The bytes of a body as they come. Whoever stops early closes the connection.
 * @throws Fault unavailable; the reason of `signal` (that of the request) as it is
 */
export async function* bodyOf({ body, stallMs, url }: Answer, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  let isWaiting = true
  const timer = setTimeout(() => {
    if (isWaiting) body.destroy(failureOf('BODY_TIMEOUT'))
    else timer.refresh()
  }, stallMs)
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      isWaiting = false
      yield chunk
      isWaiting = true
      timer.refresh()
    }
  } catch (error) {
    signal?.throwIfAborted()
    // An iteration throws away what had come and waited for it; it need not come again.
    for (let chunk: Uint8Array | null; (chunk = body.read() as Uint8Array | null);) yield chunk
    throw connectionFault(error, url.host)
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Reads a body of at most `limit` bytes.
 * @throws Fault invalid if it is longer; unavailable
 */
export async function readCapped(answer: Answer, limit: number, signal?: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bodyOf(answer, signal)) {
    size += chunk.length
    if (size > limit) throw new Fault('invalid', `${answer.url.host}: the answer is longer than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Ends an answer whose body is of no interest; the connection is kept if little is left of it. */
export async function discard(answer: Answer): Promise<void> {
  const promised = Number(answer.headers['content-length'] ?? 0)
  // The answer to a HEAD promises what it does not bring.
  if (promised > mostDiscarded && !answer.body.complete) return void answer.body.destroy()
  try {
    let size = 0
    for await (const chunk of bodyOf(answer)) if ((size += chunk.length) > mostDiscarded) return
  } catch {
    // Nobody wanted these bytes; a connection that breaks over them is not used again.
  }
}

const mostDiscarded = 16 * 1024

/** Built once: making a context of a hundred roots for each connection costs more than the handshake. */
function trustIn(ca: string | undefined): Trust {
  if (ca === undefined) return {}
  const certificates = ca.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
  if (!certificates) throw new Fault('invalid', 'the file of --ca-file holds no certificate in PEM')
  try {
    for (const certificate of certificates) void new X509Certificate(certificate)
  } catch (cause) {
    throw new Fault('invalid', 'a certificate of --ca-file cannot be read', { cause })
  }
  return { secureContext: createSecureContext({ ca: [...getCACertificates('default'), ...certificates] }) }
}
