import type { LivingCache } from './living-cache.ts'
import { planSets } from './plan-sets.ts'
import { planRollout } from './rollout.ts'
import type { World } from './world.ts'

/** Names of the nodes that a cache selects and lets wait: they have not been told what it wants now. */
export function untoldNodes(
  living: LivingCache,
  {
    epoch,
    nodes,
    assignments,
    resolutions,
    now,
  }: Pick<World, 'epoch' | 'nodes' | 'assignments' | 'resolutions' | 'now'>,
): ReadonlySet<string> {
  return planRollout(living, { epoch, nodes, previous: assignments, sets: planSets(resolutions), now }).untold
}
