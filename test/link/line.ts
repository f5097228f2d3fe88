/** What travels: bytes, a connection being opened, its orderly end, its RST. */
export type Parcel = Buffer | 'open' | 'end' | 'reset'

/** Where the parcels of one connection go, and where it hears that there is room for more. */
export interface LaneListener {
  /** Called in the order of `send`. Returning false stops bytes until `Lane.goOn`; they wait on the far side. */
  onArrival(parcel: Parcel): boolean
  /** The lane's queue is short again after `send` returned false. */
  onRoom(): void
}

/** One connection's place on a line. */
export interface Lane {
  /** Returns whether the sender may go on at once; if not, it must wait for `onRoom`. */
  send(parcel: Parcel): boolean
  /** The far side can take bytes again. */
  goOn(): void
  /** Drops all that has not arrived, and takes nothing any more. */
  close(): void
}

/** One direction of a link, shared by all its connections: a transmitter of limited rate, then a delay. */
export interface Line {
  lane(listener: LaneListener): Lane
  /** Changes how it carries, at once: also what is under way does not take longer than it would from now on. */
  shape(shape: LineShape): void
  /** Stops all movement; nothing is lost. */
  hold(): void
  release(): void
}

export interface LineShape {
  /** Infinity for no limit. */
  readonly bytesPerSecond: number
  readonly delayMs: number
  readonly jitterMs: number
}

export interface LineOptions {
  readonly shape: LineShape
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /** Even in [0, 1). */
  readonly random: () => number
  /** How many of the next bytes may arrive; the line asks again when others want to. Default: all. */
  readonly allow?: (bytes: number) => number
}

/** Of one connection, before the transmitter: reading from its socket stops at `longQueue` and goes on at half of it. */
const longQueue = 64 * 1024
/** Of one connection, behind the transmitter, beyond what the delay makes inevitable. */
const window = 64 * 1024
/** In the delay of a line without a rate, where only the window of TCP would be the limit. */
const windowWithoutRate = 4 * 1024 * 1024
/** A transmitter that was woken late makes up for so much. */
const lateMs = 50

interface LaneState {
  readonly listener: LaneListener
  /** Before the transmitter. */
  readonly queue: Parcel[]
  queued: number
  isFull: boolean
  /** Bytes behind the transmitter that the far side has not taken. */
  underway: number
  /** Arrived while the far side could not take them. */
  readonly waiting: Parcel[]
  isBlocked: boolean
  isClosed: boolean
}

interface Flight {
  readonly lane: LaneState
  readonly parcel: Parcel
  arrivesAt: number
}

export function createLine({ shape: firstShape, now, random, allow = (bytes) => bytes }: LineOptions): Line {
  let shape = firstShape
  const lanes: LaneState[] = []
  const flights: Flight[] = []
  let transmitterFreeAt = now()
  let lastArrivalAt = 0
  let isHeld = false
  let isMoving = false
  let alarm: NodeJS.Timeout | undefined

  /** Brings everything to where it has to be by now, and sets the alarm for what comes next. */
  function move(): void {
    if (isMoving) return
    isMoving = true
    clearTimeout(alarm)
    while (!isHeld && (transmitNext() || landNext()));
    isMoving = false
    if (isHeld) return
    const next = Math.min(flights[0]?.arrivesAt ?? Infinity, nextSender() ? transmitterFreeAt : Infinity)
    if (next !== Infinity) alarm = setTimeout(move, Math.max(0, next - now()))
  }

  function nextSender(): LaneState | undefined {
    const most = window + inDelay(shape)
    return lanes.find((lane) => lane.queue.length > 0 && lane.underway <= most)
  }

  function transmitNext(): boolean {
    if (transmitterFreeAt > now()) return false
    const lane = nextSender()
    if (!lane) return false
    lanes.push(...lanes.splice(lanes.indexOf(lane), 1)) // Each in turn.
    const parcel = takeSlice(lane, sliceSize(shape.bytesPerSecond))
    const size = sizeOf(parcel)
    lane.underway += size
    transmitterFreeAt = Math.max(transmitterFreeAt, now() - lateMs) + (size / shape.bytesPerSecond) * 1000
    const sentAt = Math.max(transmitterFreeAt, now())
    lastArrivalAt = Math.max(lastArrivalAt, sentAt + shape.delayMs + random() * shape.jitterMs)
    flights.push({ lane, parcel, arrivesAt: lastArrivalAt })
    makeRoom(lane)
    return true
  }

  function landNext(): boolean {
    const [first] = flights
    if (!first || first.arrivesAt > now()) return false
    flights.shift()
    if (first.lane.isClosed) return true
    first.lane.waiting.push(first.parcel)
    handOver(first.lane)
    return true
  }

  function handOver(lane: LaneState): void {
    while (lane.waiting.length > 0 && !lane.isBlocked && !lane.isClosed && !isHeld) {
      const parcel = lane.waiting.shift()!
      if (typeof parcel === 'string') lane.listener.onArrival(parcel)
      else handOverBytes(lane, parcel)
    }
  }

  function handOverBytes(lane: LaneState, bytes: Buffer): void {
    const allowed = allow(bytes.length) // May cut the link, and so hold this line or close this lane.
    if (lane.isClosed) return
    if (allowed < bytes.length) lane.waiting.unshift(bytes.subarray(allowed))
    if (allowed === 0) return
    lane.underway -= allowed
    lane.isBlocked = !lane.listener.onArrival(bytes.subarray(0, allowed))
  }

  function lane(listener: LaneListener): Lane {
    const state = newLane(listener)
    lanes.push(state)
    return {
      send(parcel) {
        if (state.isClosed) return true
        state.queue.push(parcel)
        state.queued += sizeOf(parcel)
        state.isFull = state.queued >= longQueue
        move()
        return !state.isFull
      },
      goOn() {
        state.isBlocked = false
        handOver(state)
        move()
      },
      close() {
        if (state.isClosed) return
        state.isClosed = true
        state.queue.length = state.waiting.length = 0
        lanes.splice(lanes.indexOf(state), 1)
      },
    }
  }

  return {
    lane,
    shape(next) {
      shape = next
      transmitterFreeAt = Math.min(transmitterFreeAt, now())
      lastArrivalAt = Math.min(lastArrivalAt, now() + shape.delayMs + shape.jitterMs)
      for (const flight of flights) flight.arrivesAt = Math.min(flight.arrivesAt, lastArrivalAt)
      move()
    },
    hold() {
      isHeld = true
      clearTimeout(alarm)
    },
    release() {
      isHeld = false
      for (const held of lanes.slice()) handOver(held)
      move()
    },
  }
}

function newLane(listener: LaneListener): LaneState {
  const empty = { queued: 0, underway: 0, isFull: false, isBlocked: false, isClosed: false }
  return { listener, queue: [], waiting: [], ...empty }
}

function sizeOf(parcel: Parcel): number {
  return typeof parcel === 'string' ? 0 : parcel.length
}

/** About 5 ms of the line at once, so that connections take turns and a cut finds little under way. */
function sliceSize(bytesPerSecond: number): number {
  return Math.min(64 * 1024, Math.max(64, Math.ceil(bytesPerSecond / 200)))
}

function takeSlice(lane: LaneState, size: number): Parcel {
  const parcel = lane.queue.shift()!
  const slice = typeof parcel === 'string' ? parcel : parcel.subarray(0, size)
  if (sizeOf(slice) < sizeOf(parcel)) lane.queue.unshift((parcel as Buffer).subarray(size))
  lane.queued -= sizeOf(slice)
  return slice
}

function makeRoom(lane: LaneState): void {
  if (!lane.isFull || lane.queued > longQueue / 2) return
  lane.isFull = false
  lane.listener.onRoom()
}

/** What a connection must have on its way to use the whole line. */
function inDelay({ bytesPerSecond, delayMs, jitterMs }: LineShape): number {
  if (Number.isFinite(bytesPerSecond)) return (bytesPerSecond * (delayMs + jitterMs)) / 1000
  return delayMs + jitterMs > 0 ? windowWithoutRate : 0
}
