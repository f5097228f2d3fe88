import http, { type IncomingMessage, type RequestOptions } from 'node:http'
import https from 'node:https'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { KubeConfig } from '@kubernetes/client-node'
import { Fault } from '@stowage/mirror/oci/fault'
import { brokenConnection, kubeFault } from './kube-fault.ts'

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  /** Default: application/json. */
  readonly contentType?: string
  readonly accept?: string
  readonly signal: AbortSignal
}

/** An API server. */
export interface KubeApi extends Disposable {
  readonly server: string
  /**
   * Resolves with what it answered, read as JSON.
   * @throws Fault denied | not-found | conflict | invalid | unavailable, with its own words
   */
  request(request: KubeRequest): Promise<unknown>
  /**
   * Resolves once it has begun to answer, with one line after the other, read as JSON.
   * @throws Fault as `request`; unavailable also from the stream, if it breaks or stays silent
   */
  stream(request: KubeRequest): Promise<AsyncIterable<unknown>>
}

export interface KubeApiOptions {
  readonly config: KubeConfig
  readonly userAgent: string
  /** A stream that says nothing for so long is broken; bookmarks come about every minute. */
  readonly silenceMs?: number
  /** Asked right before anything is sent that changes something; default: yes. */
  readonly mayWrite?: (() => boolean) | undefined
}

const answerWithinMs = 30_000

/** Speaks to the API server of a kubeconfig. */
export function createKubeApi({ config, userAgent, silenceMs = 150_000, mayWrite }: KubeApiOptions): KubeApi {
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new Fault('invalid', 'the kubeconfig names no cluster')
  const isPlain = cluster.server.startsWith('http:')
  const agent = isPlain ? new http.Agent({ keepAlive: true }) : new https.Agent({ keepAlive: true })

  /** Credentials are asked for each time: tokens on disk and those of plugins change. */
  async function optionsFor({ method, body, contentType, accept }: KubeRequest): Promise<RequestOptions> {
    const headers: Record<string, string> = { accept: accept ?? 'application/json', 'user-agent': userAgent }
    if (body !== undefined) headers['content-type'] = contentType ?? 'application/json'
    const options: https.RequestOptions = { method, headers }
    await config.applyToHTTPSOptions(options)
    // The library's own agents make a connection for each request.
    return cluster?.proxyUrl ? options : { ...options, agent }
  }

  async function open(request: KubeRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { method, path, body } = request
    const asked = `${method} ${path}`
    const url = urlOf(cluster?.server ?? '', request)
    const options = await optionsFor(request).catch((cause: unknown) => {
      throw new Fault('denied', `${asked}: no credentials: ${(cause as Error).message}`, { cause })
    })
    if (method !== 'GET' && mayWrite?.() === false) {
      throw new Fault('unavailable', `${asked}: not sent, as another replica may be the leader by now`)
    }
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const sent = (isPlain ? http : https).request(url, { ...options, signal }, resolve)
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
    const answer = await promise.catch((cause: unknown) => {
      throw request.signal.aborted ? cause : brokenConnection(`${asked} at ${url.origin}`, cause)
    })
    const { statusCode = 0 } = answer
    if (statusCode >= 200 && statusCode < 300) return answer
    throw kubeFault(asked, statusCode, jsonOf(await text(answer).catch(() => '')))
  }

  return {
    server: cluster.server,

    async request(request) {
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(answerWithinMs)])
      const answer = await open(request, signal)
      try {
        return JSON.parse(await text(answer)) as unknown
      } catch (cause) {
        throw request.signal.aborted ? cause : brokenConnection(`${request.method} ${request.path}`, cause)
      }
    },

    async stream(request) {
      const impatience = new AbortController()
      const timer = setTimeout(() => impatience.abort(), answerWithinMs)
      const signal = AbortSignal.any([request.signal, impatience.signal])
      const answer = await open(request, signal).finally(() => clearTimeout(timer))
      return linesOf(answer, request, silenceMs)
    },

    [Symbol.dispose]: () => agent.destroy(),
  }
}

function urlOf(server: string, { path, query = {} }: KubeRequest): URL {
  const url = new URL(`${server.replace(/\/$/, '')}${path}`)
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value)
  return url
}

async function* linesOf(
  answer: IncomingMessage,
  { method, path, signal }: KubeRequest,
  silenceMs: number,
): AsyncGenerator<unknown> {
  // A peer that is gone without a word is found out by the system.
  answer.socket.setKeepAlive(true, 30_000)
  answer.socket.setTimeout(silenceMs, () => answer.destroy(new Error('nothing was heard for too long')))
  let broken: unknown
  answer.on('error', (error) => (broken = error))
  try {
    for await (const line of createInterface({ input: answer, crlfDelay: Infinity })) {
      if (line !== '') yield JSON.parse(line) as unknown
    }
  } catch (error) {
    broken ??= error
  } finally {
    answer.destroy()
  }
  signal.throwIfAborted()
  if (broken !== undefined) throw brokenConnection(`${method} ${path}`, broken)
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body) as unknown
  } catch {
    // A proxy in between may answer in HTML; the status says enough.
    return undefined
  }
}
