import { Fault } from '../oci/fault.ts'
import { contentTypeOf, discarded, webPageFault } from './response-fault.ts'
import { bodyOf, type Answer } from './transport.ts'

export interface BlobPart {
  /** Where the reader goes on. */
  readonly offset: number
  /** Where the reader stops. */
  readonly end: number
  /** Of the whole blob, as its descriptor promises. */
  readonly size: number
  /** For messages. */
  readonly what: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Checks that an answer of 200 or 206 brings the part that was asked for, and opens it: the bytes from the offset to the end. Its
 * reader throws Fault unavailable if it ends early or falls silent, and corrupt if more comes than the blob has.
 * @throws Fault corrupt | unavailable before a byte is read: nothing of something else gets into what is collected
 */
export async function openBlobBody(answer: Answer, part: BlobPart): Promise<AsyncIterable<Uint8Array>> {
  const start = startOf(answer, part)
  if (start instanceof Fault) throw await discarded(answer, start)
  return readFrom(start, answer, part)
}

/** A server that knows no ranges answers 200 and begins at the beginning. */
function startOf(answer: Pick<Answer, 'status' | 'headers'>, { offset, size, what }: BlobPart): number | Fault {
  const { start, total } = answer.status === 200 ? wholeOf(answer) : rangeOf(answer)
  if (total !== undefined && total !== size) {
    if (contentTypeOf(answer) === 'text/html') return webPageFault(what)
    return new Fault('corrupt', `${what}: the registry has ${total} bytes of it, and the manifest says ${size}`)
  }
  if (start === 0 || start === offset) return start
  return new Fault(
    'corrupt',
    `${what}: bytes from ${offset} on were asked for, and others came (${start ?? 'no range'})`,
  )
}

interface Extent {
  readonly start: number | undefined
  readonly total: number | undefined
}

function wholeOf({ headers }: Pick<Answer, 'headers'>): Extent {
  return { start: 0, total: wholeNumber(headers['content-length']) }
}

/** RFC 9110, 14.4; the end may come sooner than asked for. */
function rangeOf({ headers }: Pick<Answer, 'headers'>): Extent {
  const field = headers['content-range']
  const [, start, total] = /^bytes\s+(\d+)-\d+\/(\d+|\*)$/i.exec(typeof field === 'string' ? field.trim() : '') ?? []
  return { start: wholeNumber(start), total: wholeNumber(total) }
}

function wholeNumber(text: unknown): number | undefined {
  return typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : undefined
}

async function* readFrom(start: number, answer: Answer, part: BlobPart): AsyncGenerator<Uint8Array> {
  let position = start
  for await (const chunk of bodyOf(answer, part.signal)) {
    const from = Math.max(0, part.offset - position)
    position += chunk.length
    if (position > part.size) throw new Fault('corrupt', `${part.what}: more than its ${part.size} bytes came`)
    const to = chunk.length - Math.max(0, position - part.end)
    if (from < to) yield chunk.subarray(from, to)
    // A server that knows no ranges goes on; an answer that ends here is read to its end, and its connection kept.
    if (position > part.end) return
  }
  if (position < part.end) {
    throw new Fault('unavailable', `${part.what}: the answer ended at byte ${position} of ${part.end}`)
  }
}
