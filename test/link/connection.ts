import { connect, type Socket } from 'node:net'
import { createHttpMeter } from './http-meter.ts'
import type { Lane, Line, Parcel } from './line.ts'
import type { Direction, LinkCounters } from './link-counters.ts'

export interface Upstream {
  readonly host: string
  readonly port: number
}

/**
 * A RST that a router sends comes behind the bytes that it let pass. Our kernel would throw away those that a node has
 * not read yet, so the node gets a moment to read.
 */
const farewellMs = 20

export interface ConnectionOptions {
  /** Accepted from the node, with `allowHalfOpen`. */
  readonly node: Socket
  readonly upstream: Upstream
  readonly lines: Readonly<Record<Direction, Line>>
  readonly count: (note: (counters: LinkCounters) => void) => void
  /** Both sockets are closed. */
  readonly onClosed: () => void
}

/** A connection across the link: a socket of the node, one to the upstream, and a lane on each line between them. */
export interface Connection {
  /** Ends it with RST on both sides; what was under way is lost. */
  reset(): void
  /** Lets it hang for ever: nothing crosses any more, and neither side is told. */
  forget(): void
}

/** Opens the connection to the upstream as soon as the wish for it has crossed the link. */
export function openConnection({ node, upstream: address, lines, count, onClosed }: ConnectionOptions): Connection {
  let upstream: Socket | undefined
  let isForgotten = false
  const meter = createHttpMeter({
    onAnswer: (answer) => count((counters) => counters.answer(answer)),
    onBody: (answer, bytes) => count((counters) => counters.body(answer, bytes)),
    onUnreadable: () => count((counters) => counters.unreadable()),
  })
  const cross = (direction: Direction, to: Socket, bytes: Buffer): boolean => {
    if (to.destroyed) return true // Nobody is there to take them: they did not cross.
    count((counters) => counters.crossed(direction, bytes.length))
    meter[direction](bytes)
    return to.write(bytes)
  }

  const up: Lane = lines.up.lane({
    onArrival(parcel) {
      if (parcel === 'open') upstream = openUpstream()
      return upstream ? arrive('up', upstream, parcel) : true
    },
    onRoom: () => node.resume(),
  })
  const down: Lane = lines.down.lane({
    onArrival: (parcel) => arrive('down', node, parcel),
    onRoom: () => upstream?.resume(),
  })

  function arrive(direction: Direction, to: Socket, parcel: Parcel): boolean {
    if (typeof parcel !== 'string') return cross(direction, to, parcel)
    if (parcel === 'end') to.end()
    if (parcel === 'reset') resetSocket(to)
    return true
  }

  function openUpstream(): Socket {
    const socket = connect({ ...address, allowHalfOpen: true, noDelay: true })
    relay({ from: socket, lane: down, back: up, other: () => node })
    return socket
  }

  interface Relay {
    readonly from: Socket
    readonly lane: Lane
    /** The lane that ends at `from`. */
    readonly back: Lane
    readonly other: () => Socket | undefined
  }

  function relay({ from, lane, back, other }: Relay): void {
    from.on('data', (bytes) => {
      if (!lane.send(bytes)) from.pause()
    })
    from.on('end', () => (isForgotten ? from.destroy() : lane.send('end')))
    from.on('drain', () => back.goOn())
    from.on('error', () => undefined) // `close` follows and tells the other side.
    from.on('close', () => {
      back.close()
      if (!isOrderlyEnd(from)) lane.send('reset')
      if (isForgotten) other()?.destroy()
      if (other()?.closed ?? true) finish()
      else if (!isOrderlyEnd(from)) other()?.pause() // Whatever it still says has nowhere to go.
    })
  }

  function finish(): void {
    up.close()
    down.close()
    onClosed()
  }

  relay({ from: node, lane: up, back: down, other: () => upstream })
  up.send('open')
  return {
    reset() {
      up.close()
      down.close()
      if (upstream) resetSocket(upstream)
      setTimeout(() => resetSocket(node), farewellMs)
    },
    forget() {
      isForgotten = true
      up.close()
      down.close()
      node.resume() // To hear when the node gives up.
      upstream?.pause()
    },
  }
}

function isOrderlyEnd(socket: Socket): boolean {
  return socket.readableEnded && socket.writableFinished
}

function resetSocket(socket: Socket): void {
  if (socket.destroyed) return
  // Node refuses a RST while an orderly end is still being written.
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
