import type { EdgeNodeStatus } from '../api/edge-node.ts'
import type { NodeView } from '../operator-api/views.ts'

export interface EdgeNodeStatusOptions {
  /** What stands in the cluster now; of another form if something else wrote it. */
  readonly before: Partial<EdgeNodeStatus> | undefined
  /** Epoch milliseconds. */
  readonly now: number
}

/**
 * What is to stand in the `.status` of an EdgeNode. Undefined if nothing of what is written there would change but words and
 * numbers: those are to be had from the centre, and 10,000 nodes would wear the cluster out with them.
 */
export function edgeNodeStatusOf(view: NodeView, { before, now }: EdgeNodeStatusOptions): EdgeNodeStatus | undefined {
  const next = standingOf(view)
  const isSame = (field: keyof typeof next): boolean => before?.[field] === next[field]
  const isOld = isSame('link') && isSame('synced') && isSame('phase')
  if (isOld && isSame('version') && isSame('runtime') && isSame('platform')) return undefined
  const lastChange = (isOld && before?.lastChange) || new Date(now).toISOString()
  return { ...next, lastChange, message: view.message }
}

/** Where a node stands, in the words of an EdgeNode. */
export function standingOf(view: NodeView): Omit<EdgeNodeStatus, 'lastChange' | 'message'> {
  const { lastContact, online, agentVersion, runtime, platform } = view
  const phase = phaseOf(view)
  return {
    link: lastContact === null ? 'NeverSeen' : online ? 'Online' : 'Offline',
    synced: phase === 'Declared' ? 'Unknown' : phase === 'Synced' ? 'True' : 'False',
    phase,
    ...(agentVersion !== null && { version: agentVersion }),
    ...(runtime !== null && { runtime }),
    ...(platform !== null && { platform }),
  }
}

/** By its last word, measured by what it is to have now: a node that is offline does not become more synced by that. */
function phaseOf({ lastContact, images: { wanted, present, failedHere } }: NodeView): EdgeNodeStatus['phase'] {
  if (lastContact === null) return 'Declared'
  if (failedHere > 0) return 'Failing'
  return present < wanted ? 'Syncing' : 'Synced'
}
