import { X509Certificate } from 'node:crypto'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { Agent, Pool, ProxyAgent, type Dispatcher } from 'undici'
import { Fault } from '../oci/fault.ts'
import { connectionFault } from './connection-fault.ts'
import { isInsecure } from './endpoint.ts'
import { proxyFor, type ProxySettings } from './proxy.ts'

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
}

export interface Ask {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** The head of an answer, and its body: who gets it reads or destroys the body. */
export interface Answer {
  readonly status: number
  readonly headers: Dispatcher.ResponseData['headers']
  readonly body: Dispatcher.ResponseData['body']
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
  const context = contextOf(options.ca)
  const dispatchers = new Map<string, Dispatcher>()

  function dispatcherFor(url: URL): Dispatcher {
    const proxy = proxyFor(url, options.proxy ?? {})
    const trusting = isInsecure(url, options.insecureRegistries ?? [])
    const key = `${trusting} ${proxy?.href ?? ''}`
    const known = dispatchers.get(key)
    if (known) return known
    const dispatcher = createDispatcher({ proxy, timeouts, tls: trusting ? { rejectUnauthorized: false } : context })
    dispatchers.set(key, dispatcher)
    return dispatcher
  }

  return {
    async send(url, { method = 'GET', headers = {}, body, signal } = {}) {
      try {
        const answer = await dispatcherFor(url).request({
          origin: url.origin,
          path: `${url.pathname}${url.search}`,
          method,
          headers: { 'user-agent': options.userAgent ?? 'stowage', 'accept-encoding': 'identity', ...headers },
          body: body ?? null,
          signal: signal ?? null,
          headersTimeout: timeouts.headersMs,
          bodyTimeout: timeouts.stallMs,
        })
        return { status: answer.statusCode, headers: answer.headers, body: answer.body, url }
      } catch (error) {
        signal?.throwIfAborted()
        throw connectionFault(error, url.host)
      }
    },

    async [Symbol.asyncDispose]() {
      await Promise.all([...dispatchers.values()].map((dispatcher) => dispatcher.destroy()))
    },
  }
}

/**
 * The bytes of a body as they come. Whoever stops early closes the connection.
 * @throws Fault unavailable; the reason of `signal` (that of the request) as it is
 */
export async function* bodyOf({ body, url }: Answer, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* body as AsyncIterable<Uint8Array>
  } catch (error) {
    signal?.throwIfAborted()
    throw connectionFault(error, url.host)
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
export async function discard({ body }: Answer): Promise<void> {
  try {
    await body.dump({ limit: 16 * 1024 })
  } catch {
    // Nobody wanted these bytes; a connection that breaks over them is not used again.
  }
}

interface Tls {
  readonly rejectUnauthorized?: boolean
  readonly secureContext?: SecureContext
}

/** HTTP/1.1 only: each blob has a connection, and so a window and a stall time-out, of its own. */
function createDispatcher({
  proxy,
  timeouts,
  tls,
}: {
  proxy: URL | undefined
  timeouts: Timeouts
  tls: Tls
}): Dispatcher {
  const connect = { ...tls, timeout: timeouts.connectMs, allowH2: false }
  if (!proxy) return new Agent({ connect, allowH2: false })
  return new ProxyAgent({
    uri: proxy.href,
    requestTls: connect,
    proxyTls: connect,
    allowH2: false,
    clientFactory: (origin, options) => new Pool(origin, { ...options, headersTimeout: timeouts.headersMs }),
  })
}

/** Built once: making a context of a hundred roots for each connection costs more than the handshake. */
function contextOf(ca: string | undefined): Tls {
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
