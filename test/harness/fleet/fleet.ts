import { setTimeout as delay } from 'node:timers/promises'
import type { ContentSource } from '@stowage/mirror/content'
import type { Assignment } from '@stowage/mirror/edge/assignment'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { AgentOptions } from '@stowage/node-agent/agent'
import type { Centre } from '@stowage/node-agent/centre/centre'
import PQueue from 'p-queue'
import type { FleetOptions, FleetOrder, FleetStanding } from './fleet-messages.ts'
import { createFleetLibrary } from './fleet-library.ts'
import { createSimulatedNode, type SimulatedNode } from './simulated-node.ts'

export interface FleetParts extends Omit<FleetOptions, 'central' | 'nodes'> {
  readonly nodes: number
  readonly source: ContentSource
  /** Makes the client of one node. */
  readonly centreOf: () => Centre
  readonly platform: Platform
  readonly random: () => number
  readonly signal: AbortSignal
  readonly log: AgentOptions['log']
}

/** Many simulated nodes in one process. */
export interface Fleet {
  obey(order: FleetOrder): FleetStanding
  /** Rejects with a bug of a node; resolves never. */
  readonly failed: Promise<never>
}

/** At a time: beside the long polls no more connections than a process may have files. */
const mostReports = 4000

/** All nodes of a fleet have it, with the fleet's name. */
export const fleetLabel = 'stowage.test/fleet'

/** Starts them, evenly spread over `spreadMs`. */
export function startFleet(parts: FleetParts): Fleet {
  const { nodes: count, centreOf, spreadMs, signal } = parts
  const counts = { reports: 0, lost: 0 }
  const queue = new PQueue({ concurrency: mostReports })
  const told = new Map<string, { nodes: number; firstAt: number; lastAt: number }>()
  const broken = new Set<string>()
  const library = createFleetLibrary({ ...parts, broken })
  const { promise: failed, reject } = Promise.withResolvers<never>()
  const running = new Map<string, AbortController>()

  function counted(centre: Centre): Centre {
    return {
      ...centre,
      async report(report, until) {
        try {
          const version = await queue.add(() => centre.report(report, until), { signal: until })
          counts.reports += 1
          return version
        } catch (error) {
          if (!until.aborted) counts.lost += 1
          throw error
        }
      },
    }
  }

  function nodeAt(index: number): SimulatedNode {
    let before: string | undefined
    const onAssignment = ({ entries }: Assignment): void => {
      const sets = entries.flatMap(({ set }) => set ?? []).join(' ')
      const old = before === undefined ? undefined : told.get(before)
      if (old) old.nodes -= 1
      const known = told.get(sets) ?? { nodes: 0, firstAt: Date.now(), lastAt: 0 }
      told.set(sets, { ...known, nodes: known.nodes + 1, lastAt: Date.now() })
      before = sets
    }
    const name = `${parts.name}-${String(index).padStart(6, '0')}`
    return createSimulatedNode({
      ...parts,
      name,
      labels: { [fleetLabel]: parts.name, ...labelsOf(index) },
      library,
      onAssignment,
      centre: counted(centreOf()),
    })
  }

  const nodes = Array.from({ length: count }, (_, index) => nodeAt(index))

  function start(some: readonly SimulatedNode[]): void {
    for (const [index, node] of some.entries()) {
      const stop = new AbortController()
      running.set(node.name, stop)
      void begin(node, (spreadMs * index) / count, AbortSignal.any([signal, stop.signal]))
    }
  }

  async function begin(node: SimulatedNode, afterMs: number, until: AbortSignal): Promise<void> {
    try {
      await delay(afterMs, undefined, { signal: until })
      await node.run(until)
    } catch (error) {
      if (!until.aborted) reject(error)
    }
  }

  function leave(some: readonly SimulatedNode[]): void {
    for (const { name } of some) {
      running.get(name)?.abort(new Error('the link is away'))
      running.delete(name)
    }
  }

  start(nodes)
  return {
    failed,
    obey(order) {
      if (order.do === 'leave') leave(nodes.slice(0, order.count))
      if (order.do === 'return') start(nodes.filter(({ name }) => !running.has(name)))
      if (order.do === 'break') {
        broken.clear()
        if (order.name !== undefined) broken.add(order.name)
      }
      const groups = [...told].map(([sets, group]) => ({ sets, ...group }))
      return { nodes: count, running: running.size, ...counts, told: groups.filter((group) => group.nodes > 0) }
    },
  }
}

/** Some that few share and some that many do, as in real fleets. */
function labelsOf(index: number): Record<string, string> {
  return {
    'topology.kubernetes.io/region': `region-${index % 7}`,
    'topology.kubernetes.io/zone': `zone-${index % 41}`,
    'stowage.test/site': `site-${Math.floor(index / 3)}`,
    'stowage.test/line': ['till', 'kiosk', 'camera', 'gateway'][index % 4]!,
  }
}
