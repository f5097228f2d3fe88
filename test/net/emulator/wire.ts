/** How one direction of a link carries packets. */
export interface WireShape {
  /** null: as fast as they come. */
  readonly bitsPerSecond: number | null
  /** From the end of sending to the beginning of arriving. */
  readonly delayMs: number
  /** Added to the delay, evenly from 0 to this; the order of packets is kept. */
  readonly jitterMs: number
  /** Of the packets, each for itself, after they took their time on the line. */
  readonly lossPercent: number
  /** What may wait for the line; a packet for which there is no room is dropped. */
  readonly queueBytes: number
}

/** One direction of a link, in whatever time it is told: nothing happens but in `send` and `advance`. */
export interface Wire {
  send(packet: Buffer, nowMs: number): void
  /** Lets happen what is due. */
  advance(nowMs: number): void
  /** When something will be due; undefined when nothing is on the way. */
  dueAtMs(): number | undefined
  /** Holds from the next packet on that begins its way on the line. */
  shape(shape: WireShape): void
  /** Takes away all that is on the way, and returns it. */
  clear(): Buffer[]
}

export interface WireOptions {
  readonly shape: WireShape
  /** Even in [0, 1). */
  readonly random: () => number
  readonly onArrival: (packet: Buffer) => void
  readonly onLoss: (packet: Buffer) => void
  readonly onDrop: (packet: Buffer) => void
}

interface Waiting {
  readonly packet: Buffer
  readonly sinceMs: number
}

interface Flying {
  readonly packet: Buffer
  readonly arrivesAtMs: number
  readonly isLost: boolean
}

export function createWire({ shape: firstShape, random, onArrival, onLoss, onDrop }: WireOptions): Wire {
  let shape = firstShape
  let waiting: Waiting[] = []
  let waitingBytes = 0
  let flying: Flying[] = []
  let lineFreeAtMs = 0
  let lastArrivalMs = 0

  function transmit({ packet, sinceMs }: Waiting): void {
    const { bitsPerSecond, delayMs, jitterMs, lossPercent } = shape
    const sendingMs = bitsPerSecond === null ? 0 : (packet.length * 8000) / bitsPerSecond
    waitingBytes -= packet.length
    lineFreeAtMs = Math.max(lineFreeAtMs, sinceMs) + sendingMs
    lastArrivalMs = Math.max(lastArrivalMs, lineFreeAtMs + delayMs + random() * jitterMs)
    flying.push({ packet, arrivesAtMs: lastArrivalMs, isLost: random() * 100 < lossPercent })
  }
  function advance(nowMs: number): void {
    while (waiting.length > 0 && lineFreeAtMs <= nowMs) transmit(waiting.shift()!)
    while (flying.length > 0 && flying[0]!.arrivesAtMs <= nowMs) {
      const { packet, isLost } = flying.shift()!
      if (isLost) onLoss(packet)
      else onArrival(packet)
    }
  }
  return {
    send(packet, nowMs) {
      advance(nowMs)
      if (waitingBytes + packet.length > shape.queueBytes && waiting.length > 0) return onDrop(packet)
      waiting.push({ packet, sinceMs: nowMs })
      waitingBytes += packet.length
      advance(nowMs)
    },
    advance,
    dueAtMs() {
      const arrival = flying[0]?.arrivesAtMs
      if (waiting.length === 0) return arrival
      return arrival === undefined ? lineFreeAtMs : Math.min(arrival, lineFreeAtMs)
    },
    shape: (changed) => void (shape = changed),
    clear() {
      const all = [...flying, ...waiting].map(({ packet }) => packet)
      waiting = []
      flying = []
      waitingBytes = 0
      lineFreeAtMs = 0
      lastArrivalMs = 0
      return all
    },
  }
}
