import { createCutSchedule } from '../../link/cut-schedule.ts'
import type { Direction } from '../../link/link-counters.ts'
import type { Cut, CutPlan } from '../../link/link-protocol.ts'
import { createConnections, type Outgoing } from './connections.ts'
import type { EmulatedLinkStats, EmulatedShape, WireStats } from './emulated-link-protocol.ts'
import { createWire, type Wire, type WireShape } from './wire.ts'

export interface EmulatedLinkOptions {
  readonly shape: EmulatedShape
  /** Even in [0, 1), for jitter and loss. */
  readonly random: () => number
  /** In ms, never going back. */
  readonly now: () => number
  /** Hands a packet to the end that the direction leads to. */
  readonly hand: (direction: Direction, packet: Buffer) => void
}

/** A link between two ends that send IP packets. */
export interface EmulatedLink {
  /** An end has sent a packet; it is kept as it is until it arrives. */
  send(direction: Direction, packet: Buffer): void
  shape(shape: EmulatedShape): void
  /** Cuts the link; a cut of a link that is down replaces the one before. */
  cut(cut: Cut): void
  up(): void
  /** Replaces the plan of cuts; it begins now, or when the link is next up. Bytes are those of arriving packets. */
  plan(plan: CutPlan): void
  stats(): EmulatedLinkStats
}

const directions = ['down', 'up'] as const
const noLimits: WireShape = { bitsPerSecond: null, delayMs: 0, jitterMs: 0, lossPercent: 0, queueBytes: 256_000 }

export function createEmulatedLink({ shape: firstShape, random, now, hand }: EmulatedLinkOptions): EmulatedLink {
  let state: EmulatedLinkStats['state'] = 'up'
  let cuts = 0
  let upAgain: NodeJS.Timeout | undefined
  let wake: NodeJS.Timeout | undefined
  let wakesAtMs = Infinity
  let schedule = createCutSchedule({ cuts: [] }, cut)
  const connections = createConnections()
  const stats = { down: createWireStats(), up: createWireStats() }
  const shapes = { down: shapeOf('down', noLimits, firstShape), up: shapeOf('up', noLimits, firstShape) }
  const wires = { down: openWire('down'), up: openWire('up') }

  function openWire(direction: Direction): Wire {
    const { lost, dropped } = stats[direction]
    return createWire({
      shape: shapes[direction],
      random,
      onArrival: (packet) => arrive(direction, packet),
      onLoss: (packet) => add(lost, packet),
      onDrop: (packet) => add(dropped, packet),
    })
  }

  function arrive(direction: Direction, packet: Buffer): void {
    if (direction === 'down') cutIfPlanned(packet)
    if (state !== 'up') return refuse(direction, packet)
    add(stats[direction].arrived, packet)
    hand(direction, packet)
  }

  /** Asked for more bytes than are left before the cut, the schedule cuts. A packet that they end in does not arrive. */
  function cutIfPlanned({ length }: Buffer): void {
    const allowed = schedule.allow(length)
    if (allowed < length) schedule.allow(length - allowed)
  }

  function refuse(direction: Direction, packet: Buffer): void {
    add(stats[direction].cut, packet)
    if (state === 'reset') tellReset(connections.refuse(direction, packet))
  }

  function tellReset(answer: Outgoing | undefined): void {
    if (!answer) return
    add(stats[answer.direction].resets, answer.packet)
    hand(answer.direction, answer.packet)
  }

  function send(direction: Direction, packet: Buffer): void {
    add(stats[direction].sent, packet)
    const verdict = connections.see(direction, packet)
    if (state !== 'up') return refuse(direction, packet)
    if (verdict === 'pass') {
      wires[direction].send(packet, now())
      return wakeWhenDue()
    }
    add(stats[direction].cut, packet)
    if (verdict !== 'vanish') tellReset(verdict)
  }

  function advance(): void {
    wakesAtMs = Infinity
    for (const direction of directions) wires[direction].advance(now())
    wakeWhenDue()
  }

  function wakeWhenDue(): void {
    const dueAtMs = Math.min(wires.down.dueAtMs() ?? Infinity, wires.up.dueAtMs() ?? Infinity)
    if (dueAtMs >= wakesAtMs) return
    clearTimeout(wake)
    wakesAtMs = dueAtMs
    wake = setTimeout(advance, Math.max(0, Math.ceil(dueAtMs - now())))
  }

  function cut({ mode, durationMs, forget = false }: Cut): void {
    if (state === 'up') cuts += 1
    state = mode
    schedule.disarm()
    clearTimeout(upAgain)
    for (const direction of directions) {
      for (const packet of wires[direction].clear()) add(stats[direction].cut, packet)
    }
    if (mode === 'reset') connections.reset().forEach(tellReset)
    else if (forget) connections.forget()
    if (durationMs !== undefined) upAgain = setTimeout(goUp, durationMs)
  }

  function goUp(): void {
    clearTimeout(upAgain)
    if (state === 'up') return
    state = 'up'
    schedule.arm()
  }

  return {
    send,
    cut,
    up: goUp,
    shape(changes) {
      for (const direction of directions) {
        shapes[direction] = shapeOf(direction, shapes[direction], changes)
        wires[direction].shape(shapes[direction])
      }
    },
    plan(plan) {
      schedule.disarm()
      schedule = createCutSchedule(plan, cut)
      if (state === 'up') schedule.arm()
    },
    stats: () => ({
      state,
      cuts,
      plannedCuts: schedule.left(),
      openConnections: connections.open(),
      ...structuredClone(stats),
      payload: connections.counts(),
      unacknowledgedBytes: connections.unacknowledgedBytes(),
    }),
  }
}

function shapeOf(direction: Direction, before: WireShape, { down, up, ...both }: EmulatedShape): WireShape {
  return { ...before, ...given(both), ...given({ down, up }[direction] ?? {}) }
}

/** Without the fields that are undefined. */
function given(changes: Omit<EmulatedShape, Direction>): Partial<WireShape> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
}

function createWireStats(): WireStats {
  const none = (): WireStats['sent'] => ({ packets: 0, bytes: 0 })
  return { sent: none(), arrived: none(), lost: none(), dropped: none(), cut: none(), resets: none() }
}

function add(tally: WireStats['sent'], { length }: Buffer): void {
  tally.packets += 1
  tally.bytes += length
}
