import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { openConnection, type Connection, type Upstream } from './connection.ts'
import { createCutSchedule } from './cut-schedule.ts'
import { createLine, type LineShape } from './line.ts'
import { createLinkCounters, type LinkCounters } from './link-counters.ts'
import type { Cut, CutPlan, LinkShape, LinkStats } from './link-protocol.ts'

export interface LinkOptions {
  readonly upstream: Upstream
  /** Default: any free port of 127.0.0.1. */
  readonly listen?: { readonly host: string; readonly port: number }
  readonly shape?: LinkShape
  /** Even in [0, 1), for the jitter. */
  readonly random: () => number
}

/** A thin link in front of one TCP server, for the nodes that connect through it. */
export interface Link extends AsyncDisposable {
  readonly host: string
  readonly port: number
  shape(shape: LinkShape): void
  /** Cuts the link; a cut of a link that is down replaces the one before. */
  cut(cut: Cut): void
  up(): void
  /** Replaces the plan of cuts; it begins now, or when the link is next up. */
  plan(plan: CutPlan): void
  stats(): LinkStats
  resetCounters(): void
}

/** Opens a link; disposing resets its connections. */
export async function openLink({ upstream, listen, shape: firstShape = {}, random }: LinkOptions): Promise<Link> {
  let state: LinkStats['state'] = 'up'
  let cuts = 0
  let upAgain: NodeJS.Timeout | undefined
  let schedule = createCutSchedule({ cuts: [] }, cut)
  let shape = firstShape
  const total = createLinkCounters()
  let sinceReset = createLinkCounters()
  const connections = new Set<Connection>()

  const lineOptions = { now: () => performance.now(), random }
  const down = createLine({ ...lineOptions, shape: lineShape('down'), allow: (bytes) => schedule.allow(bytes) })
  const up = createLine({ ...lineOptions, shape: lineShape('up') })
  const count = (note: (counters: LinkCounters) => void): void => [total, sinceReset].forEach(note)

  function lineShape(direction: 'down' | 'up'): LineShape {
    const { delayMs = 0, jitterMs = 0 } = shape
    return { bytesPerSecond: shape[`${direction}BytesPerSecond`] ?? Infinity, delayMs, jitterMs }
  }

  function accept(node: Socket): void {
    count((counters) => counters.connection())
    if (state === 'reset') {
      node.on('error', () => undefined) // Nobody is told anything but the RST.
      node.resetAndDestroy()
      return
    }
    const onClosed = (): void => void connections.delete(connection)
    const connection = openConnection({ node, upstream, lines: { down, up }, count, onClosed })
    connections.add(connection)
  }

  function cut({ mode, durationMs, forget = false }: Cut): void {
    if (state === 'up') cuts += 1
    state = mode
    schedule.disarm()
    clearTimeout(upAgain)
    for (const line of [down, up]) line.hold()
    if (mode === 'reset') for (const connection of connections) connection.reset()
    else if (forget) for (const connection of connections) connection.forget()
    if (durationMs !== undefined) upAgain = setTimeout(goUp, durationMs)
  }

  function goUp(): void {
    clearTimeout(upAgain)
    if (state === 'up') return
    state = 'up'
    schedule.arm()
    for (const line of [up, down]) line.release()
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept)
  server.listen(listen?.port ?? 0, listen?.host ?? '127.0.0.1')
  await once(server, 'listening')
  const { address: host, port } = server.address() as AddressInfo
  return {
    host,
    port,
    cut,
    up: goUp,
    shape(changes) {
      shape = { ...shape, ...changes }
      down.shape(lineShape('down'))
      up.shape(lineShape('up'))
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
      openConnections: connections.size,
      total: total.counts(),
      sinceReset: sinceReset.counts(),
    }),
    resetCounters: () => void (sinceReset = createLinkCounters()),
    async [Symbol.asyncDispose]() {
      cut({ mode: 'reset' })
      server.close()
      await once(server, 'close')
    },
  }
}
