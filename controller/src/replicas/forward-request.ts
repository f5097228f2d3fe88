import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import { pipeline } from 'node:stream/promises'
import type { ListenAddress } from '@stowage/mirror/server/listen-address'
import { drain } from '@stowage/mirror/server/request-body'

/** Says that a request comes from another replica: it goes no further. */
export const forwardedHeader = 'stowage-forwarded'

export interface ForwardOptions {
  readonly to: ListenAddress
  /** Who forwards, for the log of the other side. */
  readonly by: string
  /** Ends it: whoever it went to is not to be waited for any more. */
  readonly signal: AbortSignal
}

/** Sends requests on to another replica, and its answers back, both as streams and as they came. */
export interface Forwarder extends Disposable {
  /** Says whether there was an answer; if there was none, nothing was answered to who asked. */
  forward(request: IncomingMessage, response: ServerResponse, options: ForwardOptions): Promise<boolean>
}

/** Of one connection only (RFC 9110, 7.6.1). */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
const connectWithinMs = 3000
/** Less than a server keeps a connection that is not used. */
const idleMs = 30_000

/**
 * @param trusted certificates in PEM, of which another replica shows one; undefined if they speak plain HTTP with each other
 */
export function createForwarder(trusted?: () => readonly string[]): Forwarder {
  const plain = new http.Agent({ keepAlive: true, timeout: idleMs })
  const secure = new https.Agent({ keepAlive: true, timeout: idleMs })

  /** A replica is known by its very certificate: that names where clients reach all of them, and no address of a pod. */
  function connection(): https.RequestOptions {
    if (!trusted) return { agent: plain }
    return { agent: secure, ca: [...trusted()], allowPartialTrustChain: true, checkServerIdentity: () => undefined }
  }

  async function answerOf(request: IncomingMessage, { to, by, signal }: ForwardOptions): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const { method, url: path } = request
    const headers = { ...endToEnd(request.headers), ...framingOf(request.headers), [forwardedHeader]: by }
    const options = { host: to.host, port: to.port, method, path, headers, signal, ...connection() }
    const sent = (trusted ? https : http).request(options, resolve)
    sent.on('error', reject)
    sent.once('socket', (socket) => {
      if (!socket.connecting) return
      const timer = setTimeout(() => sent.destroy(new Error('not connected in time')), connectWithinMs)
      socket.once('connect', () => clearTimeout(timer))
      socket.once('close', () => clearTimeout(timer))
    })
    // A body that nobody took would stand before the next request of this connection.
    sent.once('close', () => {
      request.unpipe(sent)
      drain(request)
      request.resume()
    })
    request.pipe(sent)
    return await promise
  }

  return {
    async forward(request, response, options) {
      // Nobody would hear the answer, and the end of the request never comes.
      if (response.destroyed) return true
      const gone = new AbortController()
      response.once('close', () => gone.abort())
      const signal = AbortSignal.any([options.signal, gone.signal])
      let answer: IncomingMessage
      try {
        answer = await answerOf(request, { ...options, signal })
      } catch {
        // Why it is not there matters little to who asked: somebody else will be the leader, or it comes back.
        return gone.signal.aborted
      }
      response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers))
      // One that breaks off breaks off for who asked, too.
      await pipeline(answer, response).catch(() => undefined)
      return true
    },

    [Symbol.dispose]() {
      plain.destroy()
      secure.destroy()
    },
  }
}

/**
 * Where a body ends, once more for this connection. Of some methods Node says it by itself; of the others the body would be taken
 * for the next request there.
 */
function framingOf(headers: IncomingMessage['headers']): Record<string, string> {
  const { 'content-length': length, 'transfer-encoding': coding } = headers
  if (coding !== undefined) return { 'transfer-encoding': 'chunked' }
  return length === undefined ? {} : { 'content-length': length }
}

function endToEnd(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  const named = new Set((headers.connection ?? '').toLowerCase().split(/\s*,\s*/))
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || hopByHop.has(name) || named.has(name) ? [] : [[name, value]],
    ),
  )
}
