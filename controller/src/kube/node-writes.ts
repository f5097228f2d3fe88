import type { KnownNode } from '../plan/known-node.ts'
import { createNodeTallies } from '../plan/node-tallies.ts'
import { nodeView } from '../plan/node-views.ts'
import { isReachable } from '../plan/reachable.ts'
import type { Tally } from '../plan/tally.ts'
import type { World } from '../plan/world.ts'
import { nodeWrite, type NodeWrite, type NodeWriteInput } from './node-write.ts'

/** What was looked at when there was nothing to be done for a node. */
interface Settled extends Omit<NodeWriteInput, 'now'> {
  readonly node: KnownNode
  readonly tally: Tally
  readonly isOnline: boolean
}

type NodeWriteOf = (node: KnownNode, input: NodeWriteInput) => NodeWrite | undefined

/**
 * Says what is to be done so that nodes stand in a cluster as they are, from one look at the world to the next: for a node of
 * which nothing is new since nothing was to be done, that is not found out again.
 */
export function createNodeWrites(): (world: World) => NodeWriteOf {
  const settled = new Map<string, Settled>()

  return (world) => {
    if (settled.size > 2 * world.nodes.length + 100) settled.clear()
    const tallyFor = createNodeTallies(world)
    return (node, { now, ...rest }) => {
      const next = { ...rest, node, tally: tallyFor(node), isOnline: isReachable(node.heard, now) }
      const before = settled.get(node.name)
      if (before && isSame(before, next)) return undefined
      const write = nodeWrite(nodeView(node, next.tally, world), { ...rest, now })
      if (write) settled.delete(node.name)
      else settled.set(node.name, next)
      return write
    }
  }
}

function isSame(one: Settled, other: Settled): boolean {
  return (
    one.node === other.node &&
    one.tally === other.tally &&
    one.object === other.object &&
    one.isBelieved === other.isBelieved &&
    one.wasThere === other.wasThere &&
    one.isOnline === other.isOnline
  )
}
