import { Fault } from '../../oci/fault.ts'
import { bodyOf, type Answer } from '../../registry/transport.ts'
import { readOn, type BytesUnderWay } from '../read-on.ts'
import { refusalOfAnswer } from './remote-reply.ts'

export interface RemoteStretch {
  /** First byte. */
  readonly start: number
  /** Behind the last byte. */
  readonly end: number
  /** Asks for the same from a later byte on. @throws Fault unavailable */
  readonly reopen: (start: number) => Promise<Answer>
}

/**
 * The bytes of an answer, over cut connections. The answer is ended when its reader goes away, also one who never begins.
 * @throws Fault unavailable
 */
export function remoteBody(first: Answer, { start, end, reopen }: RemoteStretch): AsyncIterable<Uint8Array> {
  return readOn(underWay(first), {
    start,
    end,
    async reopen(at) {
      const answer = await reopen(at)
      if (answer.status < 300) return underWay(answer)
      const cause = await refusalOfAnswer(answer)
      const { message, details } = cause
      throw new Fault('unavailable', `what was read could not be read to its end: ${message}`, { cause, details })
    },
  })
}

function underWay(answer: Answer): BytesUnderWay {
  return { bytes: bodyOf(answer), source: answer.url.host, destroy: () => answer.body.destroy() }
}
