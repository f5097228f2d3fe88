import type { OpenFile } from '../file-system.ts'
import { Fault } from '../../oci/fault.ts'
import type { ReadBuffers } from './read-buffers.ts'
import { onDisk } from './disk-fault.ts'

export interface Stretch {
  readonly path: string
  /** First byte. */
  readonly start: number
  /** Behind the last byte; the file is at least so long. */
  readonly end: number
  readonly buffers: ReadBuffers
  readonly reuseBuffers?: boolean | undefined
}

/**
 * Reads a stretch of a file in large pieces, one ahead of what was asked for, and closes the file once: after the last
 * read is through, also when the consumer goes away early or never begins. A file that is closed under a read could be
 * another one by then, as the system gives its number to the next that is opened.
 * @throws Fault corrupt: the file was cut off meanwhile
 */
export function readAhead(file: OpenFile, stretch: Stretch): AsyncIterable<Uint8Array> {
  const pieces = readPieces(file, stretch)
  let begun = false
  const iterator: AsyncIterator<Uint8Array> = {
    next() {
      begun = true
      return pieces.next()
    },
    async return() {
      // A generator that has not begun runs none of its own code when it is returned.
      if (!begun) await file.close()
      begun = true
      return await pieces.return()
    },
  }
  return { [Symbol.asyncIterator]: () => iterator }
}

async function* readPieces(
  file: OpenFile,
  { path, start, end, buffers, reuseBuffers }: Stretch,
): AsyncGenerator<Uint8Array, void> {
  using _share = buffers.begin()

  async function read(at: number): Promise<{ buffer: Buffer; length: number }> {
    const buffer = reuseBuffers ? buffers.take() : Buffer.allocUnsafeSlow(Math.min(buffers.size(), end - at))
    const length = await onDisk(path, () => file.read(buffer.subarray(0, Math.min(buffer.length, end - at)), at))
    if (length === 0) throw new Fault('corrupt', `${path} ends after ${at} bytes; there were ${end} when it was opened`)
    return { buffer, length }
  }

  let at = start
  let ahead = at < end ? read(at) : undefined
  try {
    while (ahead) {
      const { buffer, length } = await ahead
      at += length
      ahead = at < end ? read(at) : undefined
      // Its failure is told in the next turn; until then it must not count as one that nobody looks at.
      ahead?.catch(() => {})
      yield buffer.subarray(0, length)
      // Who leaves early may still be sending it: then it is not given back.
      if (reuseBuffers) buffers.give(buffer)
    }
  } finally {
    await ahead?.catch(() => {})
    await file.close()
  }
}
