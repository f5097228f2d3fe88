import { hasAcknowledged } from './has-acknowledged.ts'
import type { KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'
import { untoldNodes } from './untold-nodes.ts'
import type { World } from './world.ts'

/** Nodes that have not yet dealt with what a cache takes away from them. An image in use waits for its container: that is not work. */
export function settlingNodes(
  living: LivingCache,
  world: Pick<World, 'epoch' | 'nodes' | 'assignments' | 'resolutions' | 'now'>,
): KnownNode[] {
  const { record } = living
  const { nodes, assignments } = world
  const leaving = new Set(record.leaving)
  const untold = leaving.size > 0 ? untoldNodes(living, world) : new Set<string>()
  return nodes.filter((node) => {
    const assignment = assignments.get(node.name)
    const entries = assignment?.entries.filter(({ cache }) => cache.uid === record.uid) ?? []
    const isTold = leaving.size > 0 ? entries.length > 0 : entries.some(({ set }) => set === null)
    if (!assignment || !isTold) return false
    return untold.has(node.name) || !hasAcknowledged(node, assignment) || isRemoving(node, leaving)
  })
}

function isRemoving({ heard }: KnownNode, names: ReadonlySet<string>): boolean {
  return heard?.report.images.some(({ name, state }) => state === 'removing' && names.has(name)) ?? false
}
