import { createHttpMessageReader, type Body, type Head } from './http-message-reader.ts'
import type { Answer } from './link-counters.ts'

/** Listens to one connection and says which answer the bytes of a body belong to. It changes nothing. */
export interface HttpMeter {
  /** Bytes of the client. They come before those of the answer to them. */
  up(bytes: Uint8Array): void
  /** Bytes of the server. */
  down(bytes: Uint8Array): void
}

export interface HttpMeterListener {
  readonly onAnswer: (answer: Answer) => void
  readonly onBody: (answer: Answer, bytes: number) => void
  /** Called at most once; nothing is told of the connection after that. */
  readonly onUnreadable: () => void
}

interface Request {
  readonly method: string
  readonly path: string
}

/** For HTTP/1.1 in the clear, one request at a time or pipelined; TLS and HTTP/2 are unreadable. */
export function createHttpMeter({ onAnswer, onBody, onUnreadable }: HttpMeterListener): HttpMeter {
  const asked: Request[] = []
  let isReadable = true
  let answer: Answer = { method: '', path: '', status: 0 }

  const requests = createHttpMessageReader({
    onHead(head) {
      const [method = '', target = ''] = head.startLine.split(' ')
      asked.push({ method, path: pathOf(target) })
      if (method === 'CONNECT') return { kind: 'tunnel' }
      return framingOf(head) ?? { kind: 'length', length: 0 }
    },
  })
  const answers = createHttpMessageReader({
    onHead(head) {
      const status = Number(head.startLine.split(' ')[1])
      if (status >= 100 && status < 200) return status === 101 ? { kind: 'tunnel' } : { kind: 'length', length: 0 }
      answer = { ...(asked.shift() ?? { method: 'NOTHING', path: '/' }), status }
      onAnswer(answer)
      return bodyOf(answer, head)
    },
    onBody: (bytes) => onBody(answer, bytes),
  })

  const guarded = (reader: typeof requests) => (bytes: Uint8Array) => {
    if (!isReadable) return
    try {
      reader.read(bytes)
    } catch {
      // Whatever it is, it is not HTTP/1.1: its bytes still count as crossed, and the counters say how many such there are.
      isReadable = false
      onUnreadable()
    }
  }
  return { up: guarded(requests), down: guarded(answers) }
}

/** RFC 9112, section 6.3. */
function bodyOf({ method, status }: Answer, head: Head): Body {
  if (method === 'HEAD' || status === 204 || status === 304) return { kind: 'length', length: 0 }
  if (method === 'CONNECT' && status < 300) return { kind: 'tunnel' }
  return framingOf(head) ?? { kind: 'until-close' }
}

function framingOf({ fields }: Head): Body | undefined {
  if (/\bchunked\s*$/i.test(fields.get('transfer-encoding') ?? '')) return { kind: 'chunked' }
  const length = fields.get('content-length')
  if (length === undefined) return undefined
  if (!/^\d+$/.test(length)) throw new Error('a Content-Length that is no number')
  return { kind: 'length', length: Number(length) }
}

function pathOf(target: string): string {
  return target.replace(/^https?:\/\/[^/]*/i, '').replace(/[?#].*$/, '') || '/'
}
