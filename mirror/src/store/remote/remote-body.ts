import { isFault, Fault } from '../../oci/fault.ts'
import { bodyOf, type Answer } from '../../registry/transport.ts'
import { refusalOfAnswer } from './remote-reply.ts'

export interface RemoteStretch {
  /** First byte. */
  readonly start: number
  /** Behind the last byte. */
  readonly end: number
  /** Asks for the same from a later byte on. @throws Fault unavailable */
  readonly reopen: (start: number) => Promise<Answer>
}

/** A connection that is cut so often without a byte between is given up. */
const mostFailures = 5

/**
 * The bytes of an answer, over cut connections. The answer is ended when its reader goes away, also one who never begins.
 * @throws Fault unavailable
 */
export function remoteBody(first: Answer, stretch: RemoteStretch): AsyncIterable<Uint8Array> {
  const bytes = goOn(first, stretch)
  let begun = false
  const iterator: AsyncIterator<Uint8Array> = {
    next() {
      begun = true
      return bytes.next()
    },
    async return() {
      // A generator that has not begun runs none of its own code when it is returned.
      if (!begun) first.body.destroy()
      begun = true
      return await bytes.return()
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}

async function* goOn(first: Answer, { start, end, reopen }: RemoteStretch): AsyncGenerator<Uint8Array, void> {
  let at = start
  let answer = first
  for (let failures = 0; ;) {
    const begunAt = at
    try {
      for await (const chunk of bodyOf(answer)) {
        at += chunk.length
        yield chunk
      }
      if (at >= end) return
      throw new Fault('unavailable', `${answer.url.host}: the answer ended at byte ${at} of ${end}`)
    } catch (error) {
      if (!isFault(error, 'unavailable') || at >= end) throw error
      failures = at > begunAt ? 1 : failures + 1
      if (failures > mostFailures) throw error
    }
    answer = await reopen(at)
    if (answer.status < 300) continue
    const { message } = await refusalOfAnswer(answer)
    throw new Fault('unavailable', `what was read could not be read to its end: ${message}`)
  }
}
