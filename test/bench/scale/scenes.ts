import type { CacheStatus } from '@stowage/controller/api/cache-status'
import { eventually } from '../../harness/eventually.ts'
import type { Scene, Stage } from './measure-scene.ts'

type IsFinal = Scene['isFinal']

/** The life of a fleet, scene by scene; each begins where the one before has ended. */
export function scenesOf({ site, fleet, nodes, cache }: Omit<Stage, 'answers'>): Scene[] {
  const retag = async (index: number): Promise<void> => {
    await site.moveTag(index)
    await site.refresh(cache)
  }
  const told = (): string => site.setDigest()
  const half = Math.floor(nodes / 2)
  const broken = site.referenceOf(1)

  return [
    {
      name: 'a cache of all images appears',
      change: () => site.applyCache(cache),
      told,
      isFinal: isComplete(nodes),
    },
    { name: 'one tag moves', change: () => retag(0), told, isFinal: isComplete(nodes) },
    {
      name: 'half of the nodes lose their link',
      change: () => fleet.tell({ do: 'leave', count: half }),
      isFinal: (status) => status?.counts.nodes.reachable === nodes - half,
    },
    {
      name: 'they come back',
      change: () => fleet.tell({ do: 'return' }),
      isFinal: (status) => status?.counts.nodes.reachable === nodes,
    },
    {
      name: 'one image fails on all nodes',
      async change() {
        await fleet.tell({ do: 'break', name: broken })
        await retag(1)
      },
      told,
      isFinal: isFailedEverywhere(nodes),
    },
    {
      name: 'the controller is killed and comes back',
      async change() {
        await site.controller.kill()
        const { reports } = await fleet.tell({ do: 'standing' })
        await site.controller.start()
        await eventually(async () => (await fleet.tell({ do: 'standing' })).reports >= reports + nodes, {
          what: 'all nodes heard of again',
          withinMs: 60_000 + 60 * nodes,
          everyMs: 500,
        })
      },
      isFinal: isFailedEverywhere(nodes),
    },
    {
      name: 'the image is mended',
      async change() {
        await fleet.tell({ do: 'break' })
        await retag(1)
      },
      told,
      isFinal: isComplete(nodes),
    },
  ]
}

function isComplete(nodes: number): IsFinal {
  return (status) => status?.status === 'Succeeded' && status.counts.nodes.complete === nodes
}

function isFailedEverywhere(nodes: number): IsFinal {
  return (status: CacheStatus | undefined) =>
    status?.status === 'Failed' && status.counts.nodes.failed === nodes && status.counts.copies.fetching === 0
}
