import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { failureOf } from './connection-fault.ts'
import type { Connections } from './connections.ts'
import { nodeHttp } from './node-http.ts'

/** What a request carries. */
export type RequestBody = string | Uint8Array | AsyncIterable<Uint8Array>

export interface SendRequestOptions {
  readonly connections: Connections
  /** How its host is looked up, if not as usual. */
  readonly lookup?: LookupFunction | undefined
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: RequestBody | undefined
  /** Holds for the body of the answer, too. */
  readonly signal: AbortSignal | undefined
  /** How long it may take to connect, in milliseconds. */
  readonly connectMs: number
  /** How long it may take from there, and from each piece of a body that is iterated, to the head of the answer, in milliseconds. */
  readonly headersMs: number
  /** Whether to send it again when a kept connection ended in the moment in which it was taken up. */
  readonly mayRepeat: boolean
}

/**
 * Sends one request; resolves with the head of its answer.
 * @throws Failure, an error of Node, or the reason of `signal`
 */
export function sendRequest(url: URL, options: SendRequestOptions): Promise<IncomingMessage> {
  const { connections, lookup, method, headers, body, signal, connectMs, headersMs, mayRepeat } = options
  const { isForwarded, ...way } = connections.wayTo(url)
  const isSecure = way.protocol === 'https:'
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const send = isSecure ? httpsRequest : nodeHttp.request
    const request = send({
      ...way,
      method,
      headers: { ...headers, ...way.headers },
      ...(signal && { signal }),
      ...(lookup && { lookup }),
    })
    let timer = setTimeout(() => fail(failureOf('CONNECT_TIMEOUT')), connectMs)
    let isOver = false
    const end = (): void => {
      isOver = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
    const fail = (error: Error): void => {
      end()
      reject(error)
      request.destroy(error)
    }
    // A request that waits for its connection does not hear of the signal by itself.
    const stop = (): void => fail(signal?.reason as Error)
    signal?.addEventListener('abort', stop)
    let isConnected = false
    const waitForAnswer = (): void => {
      clearTimeout(timer)
      if (!isOver && !request.destroyed) timer = setTimeout(() => fail(failureOf('HEADERS_TIMEOUT')), headersMs)
    }
    const connected = (): void => {
      isConnected = true
      if (isWhole(body)) return waitForAnswer()
      clearTimeout(timer)
      const pace = { onWrite: waitForAnswer, onWritten: () => clearTimeout(timer) }
      sendPieces(request, body, pace).catch((error: unknown) => fail(error as Error))
    }
    request.on('socket', (socket) => {
      if (request.reusedSocket) connected()
      else socket.once(isSecure ? 'secureConnect' : 'connect', connected)
    })
    request.on('response', (response) => {
      end()
      resolve(response)
    })
    request.on('error', (error) => {
      // Whoever reads the answer hears of it there; sent again, it would be answered to nobody.
      if (isOver) return
      end()
      if (mayRepeat && isStale(request, error)) resolve(sendRequest(url, { ...options, mayRepeat: false }))
      else reject(isForwarded && !isConnected ? failureOf('PROXY_UNREACHABLE', { cause: error }) : error)
    })
    if (isWhole(body)) request.end(body)
  })
}

/** Whether a body is all there, and could be sent again. */
export function isWhole(body: RequestBody | undefined): body is string | Uint8Array | undefined {
  return body === undefined || typeof body === 'string' || body instanceof Uint8Array
}

/** No larger ones are written at a time, so that a thin link is seen to move; bytes. */
const pieceSize = 64 * 1024

interface Pace {
  /** The other side is waited for. */
  readonly onWrite: () => void
  /** It took it; the next piece is waited for. */
  readonly onWritten: () => void
}

/** An answer may come before the end of the body: then the rest of it interests nobody. */
async function sendPieces(
  request: ClientRequest,
  chunks: AsyncIterable<Uint8Array>,
  { onWrite, onWritten }: Pace,
): Promise<void> {
  const closed = new AbortController()
  request.once('close', () => closed.abort())
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += pieceSize) {
      if (request.destroyed) return
      onWrite()
      if (!request.write(chunk.subarray(at, at + pieceSize)) && !(await drained(request, closed.signal))) return
    }
    onWritten()
  }
  onWrite()
  request.end()
}

/** Whether there is room for more; not if the request has failed or was answered, which its owner hears of by himself. */
async function drained(request: ClientRequest, closed: AbortSignal): Promise<boolean> {
  return await once(request, 'drain', { signal: closed }).then(
    () => true,
    () => false,
  )
}

function isStale({ reusedSocket }: ClientRequest, { code }: NodeJS.ErrnoException): boolean {
  return reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')
}
