import { versionOf } from '@stowage/mirror/edge/assignment'
import { formatPlatform } from '@stowage/mirror/oci/platform'
import type { NodeView } from '../operator-api/views.ts'
import type { KnownNode } from './known-node.ts'
import { createNodeTallies } from './node-tallies.ts'
import { isReachable } from './reachable.ts'
import type { Tally } from './tally.ts'
import type { World } from './world.ts'

/** Where every node stands. */
export function nodeViews(world: World): NodeView[] {
  const tallyFor = createNodeTallies(world)
  return world.nodes.map((node) => nodeView(node, tallyFor(node), world))
}

/** Where one node stands, by what all caches together come to on it. */
export function nodeView(
  node: KnownNode,
  { wanted, inState, failed, bytesWanted, bytesHere }: Tally,
  world: World,
): NodeView {
  const { name, labels, platform } = node
  const online = isReachable(node.heard, world.now)
  const assignment = world.assignments.get(name)
  const bytes = { wanted: bytesWanted, present: bytesHere }
  const bytesPerSecond = online ? rateOf(node) : null
  return {
    name,
    online,
    ...contactOf(node),
    ...agentOf(node),
    labels,
    platform: platform ? formatPlatform(platform) : null,
    assignment: assignment ? versionOf(assignment) : null,
    images: {
      wanted,
      present: inState.present ?? 0,
      failed: failed.length,
      failedHere: failed.filter(({ isUpstream }) => !isUpstream).length,
    },
    bytes,
    bytesPerSecond,
    etaSeconds: bytesPerSecond ? Math.ceil((bytes.wanted - bytes.present) / bytesPerSecond) : null,
    message: messageOf(node, online),
  }
}

/** What a node said of its rate is over when it says that it fetches nothing. */
function rateOf({ heard }: KnownNode): number {
  const isFetching = heard?.report.images.some(({ state }) => state === 'fetching') ?? false
  return isFetching ? Math.round(heard?.report.bytesPerSecond ?? 0) : 0
}

type Agent = Pick<NodeView, 'runtime' | 'agentVersion' | 'instance' | 'acknowledged' | 'bytesReceived'>

function agentOf({ heard }: KnownNode): Agent {
  if (!heard) return { runtime: null, agentVersion: null, instance: null, acknowledged: null, bytesReceived: null }
  const { runtime, agentVersion, instance, acknowledged, bytesReceived } = heard.report
  return { runtime, agentVersion, instance, bytesReceived, acknowledged: acknowledged && versionOf(acknowledged) }
}

function contactOf({ heard }: KnownNode): Pick<NodeView, 'lastContact' | 'nextContactBy'> {
  if (!heard) return { lastContact: null, nextContactBy: null }
  return {
    lastContact: new Date(heard.receivedAt).toISOString(),
    nextContactBy: new Date(heard.nextContactBy).toISOString(),
  }
}

function messageOf({ name, heard }: KnownNode, online: boolean): string {
  if (!heard) return `never heard of: start an agent with --node ${name}`
  const trouble = heard.report.trouble ?? ''
  if (online) return trouble
  const words = `offline since ${new Date(heard.receivedAt).toISOString().slice(0, 19)}Z`
  return trouble ? `${words}; last said: ${trouble}` : words
}
