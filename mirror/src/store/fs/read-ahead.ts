import type { OpenFile } from '../file-system.ts'
import { Fault } from '../../oci/fault.ts'
import type { Piece, ReadBuffers } from './read-buffers.ts'
import { onDisk } from './disk-fault.ts'

export interface Stretch {
  readonly path: string
  /** First byte. */
  readonly start: number
  /** Behind the last byte; the file is at least so long. */
  readonly end: number
  readonly buffers: ReadBuffers
  /** Each piece is looked at only until the next one is asked for. */
  readonly reuseBuffers?: boolean | undefined
  /** Of this version of the file; who reads the same under the same name may get the same pieces. Absent: it is read from the disk. */
  readonly version?: string | undefined
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

async function* readPieces(file: OpenFile, stretch: Stretch): AsyncGenerator<Uint8Array, void> {
  const { start, end, buffers } = stretch
  using _share = buffers.begin()
  let at = start
  let ahead = at < end ? readPiece(file, stretch, at) : undefined
  try {
    while (ahead) {
      const piece = await ahead
      at += piece.bytes.length
      ahead = at < end ? readPiece(file, stretch, at) : undefined
      // Its failure is told in the next turn; until then it must not count as one that nobody looks at.
      ahead?.catch(() => {})
      let isLookedAt = true
      try {
        yield piece.bytes
        isLookedAt = false
      } finally {
        // Who leaves early may still be sending it.
        if (isLookedAt) piece.abandon()
        else piece.release()
      }
    }
  } finally {
    const last = await ahead?.catch(() => {})
    last?.release()
    await file.close()
  }
}

/** Ends where pieces of that size end, so that all who read the file read the same ones. */
async function readPiece(file: OpenFile, stretch: Stretch, at: number): Promise<Piece> {
  const { path, end, buffers, reuseBuffers, version } = stretch
  const size = buffers.size()
  const most = Math.min(size - (at % size), end - at)

  async function fill(buffer: Buffer): Promise<number> {
    const length = await onDisk(path, () => file.read(buffer.subarray(0, most), at))
    if (length === 0) throw new Fault('corrupt', `${path} ends after ${at} bytes; there were ${end} when it was opened`)
    return length
  }

  if (reuseBuffers) return await buffers.piece(version && `${path} ${version} ${at}+${most}`, fill)
  const buffer = Buffer.allocUnsafeSlow(most)
  const bytes = buffer.subarray(0, await fill(buffer))
  return { bytes, release() {}, abandon() {} }
}
