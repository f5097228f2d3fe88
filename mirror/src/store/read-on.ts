import { isFault, Fault } from '../oci/fault.ts'

/** Bytes on their way, and how to stop them without having begun to read. */
export interface BytesUnderWay {
  readonly bytes: AsyncIterable<Uint8Array>
  /** Where they come from, for people. */
  readonly source: string
  destroy(): void
}

export interface ReadOnOptions {
  /** First byte. */
  readonly start: number
  /** Behind the last byte. */
  readonly end: number
  /** Asks for the same from a later byte on. @throws Fault unavailable */
  readonly reopen: (start: number) => Promise<BytesUnderWay>
}

/** A connection that is cut so often without a byte between is given up. */
const mostFailures = 5

/**
 * Bytes that come over a connection, and over others where it is cut. They are stopped when their reader goes away, also one who
 * never begins.
 * @throws Fault unavailable
 */
export function readOn(first: BytesUnderWay, options: ReadOnOptions): AsyncIterable<Uint8Array> {
  const bytes = goOn(first, options)
  let begun = false
  const iterator: AsyncIterator<Uint8Array> = {
    next() {
      begun = true
      return bytes.next()
    },
    async return() {
      // A generator that has not begun runs none of its own code when it is returned.
      if (!begun) first.destroy()
      begun = true
      return await bytes.return()
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}

async function* goOn(first: BytesUnderWay, { start, end, reopen }: ReadOnOptions): AsyncGenerator<Uint8Array, void> {
  let at = start
  let underWay = first
  for (let failures = 0; ;) {
    const begunAt = at
    try {
      for await (const chunk of underWay.bytes) {
        at += chunk.length
        yield chunk
      }
      if (at >= end) return
      throw new Fault('unavailable', `${underWay.source}: the answer ended at byte ${at} of ${end}`)
    } catch (error) {
      if (!isFault(error, 'unavailable') || at >= end) throw error
      failures = at > begunAt ? 1 : failures + 1
      if (failures > mostFailures) throw error
    }
    underWay = await reopen(at)
  }
}
