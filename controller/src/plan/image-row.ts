import type { ImageReport } from '@stowage/mirror/edge/report'
import type { ImageList, ListedImage } from '../api/image-list.ts'
import type { CopyStanding, CopyState } from './copy-standing.ts'
import { selects, type KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'
import { createMirrorStandings, type MirrorStanding } from './mirror-standing.ts'
import { isReachable } from './reachable.ts'
import { whyHeld } from './rollout.ts'
import { untoldNodes } from './untold-nodes.ts'
import type { World } from './world.ts'

/** One image of a list on one of the nodes that the list selects. */
export interface ImageRow extends CopyStanding {
  readonly image: ListedImage
  readonly node: KnownNode
  /** Not overdue. */
  readonly isReachable: boolean
  /** Why the node is not told of it yet, if it is not. */
  readonly whyHeld: string | undefined
}

/** The copies that a cache wants, each node and image once, whatever number of its lists name both. */
export function imageRows(living: LivingCache, world: RowsInput): ImageRow[] {
  const rowsOf = createRowsOf(living, world, untoldNodes(living, world))
  return world.nodes.flatMap(rowsOf)
}

export type RowsInput = Pick<World, 'nodes' | 'resolutions' | 'assignments' | 'epoch' | 'now'>

/** Makes the rows of one node after the other. @param untold names of nodes that have not been told what is wanted now */
export function createRowsOf(
  living: LivingCache,
  { resolutions, epoch, now }: RowsInput,
  untold: ReadonlySet<string>,
): (node: KnownNode) => ImageRow[] {
  if (living.record.purged) return () => []
  const imagesFor = createSelection(living.cache.lists)
  const atMirror = createMirrorStandings(resolutions)
  const words = whyHeld(living)
  return (node) => {
    const images = imagesFor(node)
    const isOnline = isReachable(node.heard, now)
    const lines = images.length > 0 ? linesOf(node, epoch) : new Map<string, ImageReport>()
    const mirrorOf = atMirror(node.platform)
    return images.map((image): ImageRow => {
      const mirror = mirrorOf(image)
      const standing = mirror.lacking ?? atNode(node, mirror, lines.get(image.name))
      const isHeld = standing.state === 'told' && untold.has(node.name)
      // Written out: there are as many of these as nodes times images.
      return {
        image,
        node,
        isReachable: isOnline,
        digest: standing.digest,
        state: isHeld ? 'held' : standing.state,
        bytesHere: standing.bytesHere,
        bytesTotal: standing.bytesTotal,
        fault: standing.fault,
        isUpstream: standing.isUpstream,
        opensAt: standing.opensAt,
        whyHeld: isHeld ? words : undefined,
      }
    })
  }
}

/** The images of all lists that select a node, each once. Nodes that the same lists select share them. */
function createSelection(lists: readonly ImageList[]): (node: KnownNode) => readonly ListedImage[] {
  const known = new Map<string, readonly ListedImage[]>()
  return (node) => {
    const selecting = lists.flatMap((list, index) => (selects(list, node) ? [index] : []))
    const key = selecting.join()
    const images = known.get(key) ?? imagesOf(selecting.flatMap((index) => lists[index]?.images ?? []))
    known.set(key, images)
    return images
  }
}

function imagesOf(listed: readonly ListedImage[]): ListedImage[] {
  return [...new Map(listed.map((image) => [image.name, image])).values()]
}

/** A node's words by image name. Those under another epoch speak of a centre that lost its memory since. */
function linesOf({ heard }: KnownNode, epoch: string): ReadonlyMap<string, ImageReport> {
  const lines = new Map<string, ImageReport>()
  if (heard?.report.acknowledged?.epoch !== epoch) return lines
  for (const line of heard.report.images) lines.set(line.name, line)
  return lines
}

/** Where it stands on a node for which the centre has all of it. */
function atNode({ heard }: KnownNode, mirror: MirrorStanding, line: ImageReport | undefined): CopyStanding {
  const { digest, bytesTotal } = mirror
  if (!heard || line?.digest !== digest) {
    return { digest, state: 'told', bytesHere: 0, bytesTotal, fault: undefined, isUpstream: false }
  }
  const failure = heard.failures[line.name]
  const isFailed = line.state !== 'present' && failure?.digest === line.digest
  const fault = line.fault ?? (isFailed ? failure.fault : undefined)
  return {
    digest,
    state: isFailed ? 'failed' : stateOf(line),
    bytesHere: Math.min(line.bytesHere, bytesTotal ?? line.bytesHere),
    bytesTotal,
    fault: fault && { ...fault, retryAt: heard.receivedAt + fault.retryInMs },
    isUpstream: false,
    opensAt: opensAt(line, heard.receivedAt),
  }
}

const minuteMs = 60_000

/** Windows open at whole minutes; what a node says of that comes a moment late, and each time another one. */
function opensAt({ window }: ImageReport, receivedAt: number): number | undefined {
  if (typeof window?.opensInMs !== 'number') return undefined
  return Math.round((receivedAt + window.opensInMs) / minuteMs) * minuteMs
}

/** A node that still means to take away what it is to have has not read its latest assignment. */
function stateOf({ state, window }: ImageReport): CopyState {
  if (state === 'waiting' && window) return 'shut'
  return state === 'removing' || state === 'in-use' ? 'leaving' : state
}
