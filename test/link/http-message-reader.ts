/** What comes behind the head of a message (RFC 9112, section 6). */
export type Body =
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' }
  /** No more HTTP on this connection. */
  | { readonly kind: 'tunnel' }

export interface Head {
  readonly startLine: string
  /** Names in lower case; of fields that come twice, the last. */
  readonly fields: ReadonlyMap<string, string>
}

export interface MessageListener {
  /** Decides what follows; called once per message. */
  readonly onHead: (head: Head) => Body
  /** Bytes of content: chunk framing is not among them. */
  readonly onBody?: (bytes: number) => void
}

/** Follows the messages in one direction of an HTTP/1.1 connection, however the bytes are cut into pieces. */
export interface HttpMessageReader {
  /** @throws Error when the bytes are not HTTP/1.1 */
  read(bytes: Uint8Array): void
}

const longestHead = 128 * 1024
const startLine = / HTTP\/1\.[01]$|^HTTP\/1\.[01] \d{3}/
const carriageReturn = 13
const lineFeed = 10

type State =
  | { readonly kind: 'head' | 'chunk-size' | 'trailer' | 'tunnel' }
  | { readonly kind: 'content' | 'chunk' | 'chunk-end'; left: number }

export function createHttpMessageReader({ onHead, onBody }: MessageListener): HttpMessageReader {
  let state: State = { kind: 'head' }
  let line: number[] = []
  let head: string[] = []
  let headSize = 0

  function onLine(text: string): void {
    if (state.kind === 'chunk-size') state = afterChunkSize(text)
    else if (state.kind === 'trailer') state = { kind: text === '' ? 'head' : 'trailer' }
    else if (text !== '') {
      if (head.length === 0 && !startLine.test(text)) throw new Error('not a start line of HTTP/1.1')
      head.push(text)
    } else if (head.length > 0) {
      const whole = parseHead(head)
      head = []
      state = stateFor(onHead(whole))
    }
    if (state.kind !== 'head' || head.length === 0) headSize = 0
  }

  function readLineByte(byte: number): void {
    headSize += 1
    if (headSize > longestHead) throw new Error('a line or head without end')
    if (state.kind === 'head' && headSize === 1 && !canBeginMessage(byte)) throw new Error('not HTTP/1.1')
    if (byte !== lineFeed) return void line.push(byte)
    if (line.at(-1) === carriageReturn) line.pop()
    const text = Buffer.from(line).toString('latin1')
    line = []
    onLine(text)
  }

  /** Returns how many bytes of the counted stretch there were. */
  function readCounted(stretch: State & { left: number }, available: number): number {
    const taken = Math.min(stretch.left, available)
    stretch.left -= taken
    if (stretch.kind !== 'chunk-end' && taken > 0) onBody?.(taken)
    if (stretch.left > 0) return taken
    if (stretch.kind === 'chunk') state = { kind: 'chunk-end', left: 2 }
    else state = { kind: stretch.kind === 'content' ? 'head' : 'chunk-size' }
    return taken
  }

  return {
    read(bytes) {
      for (let at = 0; at < bytes.length;) {
        if (state.kind === 'tunnel') return
        if ('left' in state) at += readCounted(state, bytes.length - at)
        else readLineByte(bytes[at++]!)
      }
    },
  }
}

/** A letter, or the empty line that a robust server lets pass before a request. */
function canBeginMessage(byte: number): boolean {
  return byte === carriageReturn || byte === lineFeed || /[A-Za-z]/.test(String.fromCharCode(byte))
}

function stateFor(body: Body): State {
  if (body.kind === 'chunked') return { kind: 'chunk-size' }
  if (body.kind === 'tunnel') return { kind: 'tunnel' }
  if (body.kind === 'until-close') return { kind: 'content', left: Infinity }
  return body.length === 0 ? { kind: 'head' } : { kind: 'content', left: body.length }
}

function afterChunkSize(line: string): State {
  const digits = /^([0-9a-f]+)\s*(?:;.*)?$/i.exec(line)?.[1]
  if (digits === undefined) throw new Error('a chunk without a size')
  const left = Number.parseInt(digits, 16)
  return left === 0 ? { kind: 'trailer' } : { kind: 'chunk', left }
}

function parseHead([first = '', ...lines]: readonly string[]): Head {
  const fields = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  return { startLine: first, fields: new Map(fields) }
}
