import type { TcpSegment } from './tcp-segment.ts'

/** Puts the segments that one end of a connection sends back into the stream that they carry. */
export interface ByteStream {
  /** Segments as they were sent: again, in part again, or with one missing that the link never saw. */
  take(segment: TcpSegment): void
  /** The sender said that there is no more, and all before that was seen. */
  isOver(): boolean
  /** The sequence number behind the last byte that it gave; undefined before the beginning was seen. */
  next(): number | undefined
}

/** @param onBytes called with each byte of the stream once, in order; the bytes are those of the segments */
export function createByteStream(onBytes: (bytes: Buffer) => void): ByteStream {
  let next: number | undefined
  let over = false
  /** What came too early, by sequence number. */
  const early = new Map<number, TcpSegment>()

  /** Returns whether it was its turn. */
  function takeNow({ sequence, payload, isFin }: TcpSegment): boolean {
    const ahead = (sequence - next!) | 0
    if (ahead > 0) return false
    const fresh = payload.subarray(-ahead)
    if (fresh.length > 0) onBytes(fresh)
    if (-ahead <= payload.length) {
      next = (next! + fresh.length) >>> 0
      over ||= isFin
    }
    return true
  }

  return {
    take(segment) {
      if (segment.isSyn) next ??= (segment.sequence + 1) >>> 0
      if (next === undefined || segment.isSyn || (segment.payload.length === 0 && !segment.isFin)) return
      if (!takeNow(segment)) return void early.set(segment.sequence, segment)
      for (let found = true; found && early.size > 0;) {
        found = false
        for (const [sequence, waiting] of early) if (takeNow(waiting)) found = early.delete(sequence)
      }
    },
    isOver: () => over,
    next: () => next,
  }
}
