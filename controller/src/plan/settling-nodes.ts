import { hasAcknowledged } from './plan-assignments.ts'
import type { KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'
import type { World } from './world.ts'

/** Nodes that have not yet dealt with what a cache takes away from them. An image in use waits for its container: that is not work. */
export function settlingNodes(
  { record }: LivingCache,
  { nodes, assignments }: Pick<World, 'nodes' | 'assignments'>,
): KnownNode[] {
  const leaving = new Set(record.leaving)
  return nodes.filter((node) => {
    const assignment = assignments.get(node.name)
    const entries = assignment?.entries.filter(({ cache }) => cache.uid === record.uid) ?? []
    const isTold = leaving.size > 0 ? entries.length > 0 : entries.some(({ set }) => set === null)
    if (!assignment || !isTold) return false
    return !hasAcknowledged(node, assignment) || isRemoving(node, leaving)
  })
}

function isRemoving({ heard }: KnownNode, names: ReadonlySet<string>): boolean {
  return heard?.report.images.some(({ name, state }) => state === 'removing' && names.has(name)) ?? false
}
