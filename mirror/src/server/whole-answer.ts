import { validateHeaderName, validateHeaderValue, type IncomingMessage, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/**
 * An answer 200 that is made once a second, head and all: Node makes and checks the head of each answer anew, which is a fifth of
 * what a request costs.
 */
export interface WholeAnswer {
  /** Bytes of its body. */
  readonly length: number
  /** Sends it; Node makes the head where this request or the connection is not of the usual kind. */
  send(request: IncomingMessage, response: ServerResponse): void
}

export interface WholeAnswerOptions {
  /** Names and values of headers by turns, the length of the body among them. */
  readonly head: string[]
  /** A character for each byte. */
  readonly body: string
  /** How long a connection is kept that asks for nothing more, in milliseconds. */
  readonly keepAliveMs: number
  /** Epoch milliseconds. */
  readonly now?: () => number
}

/** What Node's documentation does not have. */
interface Internals {
  /** A head that is made and not yet sent; what is there goes out as it is. */
  _header?: string | null
  /** Whether the connection stays, as its parser has it: there are more headers than one that say so. */
  shouldKeepAlive?: boolean
}

/** @throws TypeError if what is no header is among them: it would go out as it is */
export function createWholeAnswer({ head, body, keepAliveMs, now = Date.now }: WholeAnswerOptions): WholeAnswer {
  const lines = ['HTTP/1.1 200 OK']
  for (let n = 0; n < head.length; n += 2) lines.push(lineOf(head[n]!, head[n + 1]!))
  const kept = ['Connection: keep-alive', `Keep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}`]
  let made = { second: -1, text: '' }

  function text(): string {
    const second = Math.floor(now() / 1000)
    if (made.second !== second) {
      const date = new Date(second * 1000).toUTCString()
      made = { second, text: flat([...lines, `Date: ${date}`, ...kept, '', body].join('\r\n')) }
    }
    return made.text
  }

  return {
    length: body.length,
    send(request, response: ServerResponse & Internals) {
      if (!isPlain(request) || !isFresh(response)) {
        response.writeHead(200, head).end(body, 'latin1')
        return
      }
      response._header = text()
      response.end()
    },
  }
}

function lineOf(name: string, value: string): string {
  validateHeaderName(name)
  validateHeaderValue(name, value)
  return `${name}: ${value}`
}

function isPlain({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === '1.1' && headers.expect === undefined
}

/** Nobody has given it a header yet, as fastify does when the server is about to close, and it goes to a socket that stays. */
function isFresh(response: ServerResponse & Internals): boolean {
  const { _header, shouldKeepAlive, socket } = response
  return _header === null && shouldKeepAlive === true && socket instanceof Socket && !response.getHeaderNames().length
}

/** In one piece: a text that was put together would be copied for each answer. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
