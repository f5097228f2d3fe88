import { createHttpMeter } from '../../link/http-meter.ts'
import { createLinkCounters, type Direction } from '../../link/link-counters.ts'
import type { LinkCounts } from '../../link/link-protocol.ts'
import { createByteStream, type ByteStream } from './byte-stream.ts'
import { parseSegment, resetAnswerTo, type TcpSegment } from './tcp-segment.ts'

/** A packet for the end of the link that `direction` leads to. */
export interface Outgoing {
  readonly direction: Direction
  readonly packet: Buffer
}

/**
 * `pass`: the packet may go on. `vanish`: its connection was forgotten. Else the answer for whoever sent it, because its
 * connection was reset.
 */
export type Verdict = 'pass' | 'vanish' | Outgoing

/** The TCP connections that cross a link, as a router sees them. */
export interface Connections {
  /** Looks at a packet that an end has sent, whatever becomes of it, and counts what it carries. */
  see(direction: Direction, packet: Buffer): Verdict
  /** Ends all of them: the packets that tell both ends. What comes of them later is answered with RST. */
  reset(): Outgoing[]
  /** What comes of those of the moment vanishes from now on. */
  forget(): void
  /** What an end gets for a packet while nothing may cross; undefined if it is no TCP, or RST itself. */
  refuse(direction: Direction, packet: Buffer): Outgoing | undefined
  open(): number
  counts(): LinkCounts
  /** See `EmulatedLinkStats`. */
  unacknowledgedBytes(): number
}

interface Connection {
  /** Of its first SYN, so that the same ports used again are another connection. */
  readonly firstSequence: number
  readonly streams: Readonly<Record<Direction, ByteStream>>
  readonly last: Partial<Record<Direction, TcpSegment>>
  /** The next byte that the node waits for, as it said last. */
  acknowledged: number | undefined
  state: 'alive' | 'reset' | 'forgotten'
}

export function createConnections(): Connections {
  const counters = createLinkCounters()
  const known = new Map<string, Connection>()
  let unacknowledgedBytes = 0

  function begin(direction: Direction, { sequence }: TcpSegment): Connection {
    counters.connection()
    const meter = createHttpMeter({
      onAnswer: (answer) => counters.answer(answer),
      onBody: (answer, bytes) => counters.body(answer, bytes),
      onUnreadable: () => counters.unreadable(),
    })
    const stream = (towards: Direction): ByteStream =>
      createByteStream((bytes) => {
        counters.crossed(towards, bytes.length)
        // Of a server at the node's side the bodies do not count: they did not leave the centre.
        if (direction === 'up') meter[towards](bytes)
      })
    return {
      firstSequence: sequence,
      streams: { down: stream('down'), up: stream('up') },
      last: {},
      acknowledged: undefined,
      state: 'alive',
    }
  }

  function connectionOf(direction: Direction, segment: TcpSegment): Connection | undefined {
    const key = keyOf(direction, segment)
    const found = known.get(key)
    const isFirst = segment.isSyn && !segment.isAck
    if (!isFirst || found?.firstSequence === segment.sequence) return found
    const begun = begin(direction, segment)
    known.set(key, begun)
    return begun
  }

  const alive = (): Connection[] => [...known.values()].filter(({ state }) => state === 'alive')

  function breakAll(state: 'reset' | 'forgotten'): Connection[] {
    const broken = alive()
    for (const connection of broken) {
      breakOff(connection)
      connection.state = state
    }
    return broken
  }

  function breakOff({ streams, acknowledged }: Connection): void {
    const next = streams.down.next()
    if (next !== undefined) unacknowledgedBytes += Math.max(0, (next - (acknowledged ?? next)) | 0)
  }

  return {
    see(direction, packet) {
      const segment = parseSegment(packet)
      const connection = segment && connectionOf(direction, segment)
      if (!segment || !connection) return 'pass'
      connection.last[direction] = segment
      if (direction === 'up' && segment.isAck) connection.acknowledged = segment.acknowledgement
      connection.streams[direction].take(segment)
      if (connection.state === 'forgotten') return 'vanish'
      if (connection.state === 'reset') return answerTo(direction, segment) ?? 'vanish'
      if (segment.isReset) breakOff(connection)
      if (segment.isReset || isOver(connection)) known.delete(keyOf(direction, segment))
      return 'pass'
    },
    reset() {
      const broken = breakAll('reset')
      return broken.flatMap(({ last }) =>
        (['down', 'up'] as const).flatMap((direction) => {
          const answer = last[direction] && answerTo(direction, last[direction])
          return answer ? [answer] : []
        }),
      )
    },
    forget: () => void breakAll('forgotten'),
    refuse(direction, packet) {
      const segment = parseSegment(packet)
      if (!segment) return undefined
      const key = keyOf(direction, segment)
      if (known.get(key)?.state === 'alive') known.delete(key) // It began after the reset, and ends with this.
      return answerTo(direction, segment)
    },
    open: () => alive().length,
    counts: () => counters.counts(),
    unacknowledgedBytes: () => unacknowledgedBytes,
  }
}

function answerTo(direction: Direction, segment: TcpSegment): Outgoing | undefined {
  if (segment.isReset) return undefined
  return { direction: direction === 'down' ? 'up' : 'down', packet: resetAnswerTo(segment) }
}

function isOver({ streams }: Connection): boolean {
  return streams.down.isOver() && streams.up.isOver()
}

/** The same for both directions: the centre's address and port, then the node's. */
function keyOf(direction: Direction, { source, sourcePort, target, targetPort }: TcpSegment): string {
  const from = `${source.toString('latin1')}${sourcePort}`
  const to = `${target.toString('latin1')}${targetPort}`
  return direction === 'down' ? `${from} ${to}` : `${to} ${from}`
}
