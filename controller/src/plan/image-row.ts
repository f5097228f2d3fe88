import type { Digest } from '@stowage/mirror/oci/digest'
import type { FaultCode } from '@stowage/mirror/oci/fault'
import type { ImageReport } from '@stowage/mirror/edge/report'
import { formatPlatform } from '@stowage/mirror/oci/platform'
import type { ListedImage } from '../api/image-list.ts'
import { isCurrent, mirroredBytes, unresolved, type Resolution } from '../memory/resolution.ts'
import { selects, type KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'
import { isReachable } from './reachable.ts'
import { whyHeld } from './rollout.ts'
import { untoldNodes } from './untold-nodes.ts'
import type { World } from './world.ts'

/**
 * Where one copy stands, as far as anybody knows: `mirror` (the centre does not have the wanted version yet), `failed`,
 * `held` (the node is not told of it yet), `told` (it has not spoken of it), and what the node itself says.
 */
export type CopyState =
  'mirror' | 'failed' | 'held' | 'told' | 'waiting' | 'fetching' | 'publishing' | 'present' | 'leaving'

export interface CopyFault {
  readonly code: FaultCode
  readonly message: string
  readonly attempts: number
  /** Epoch milliseconds; undefined if no further try is planned. */
  readonly retryAt: number | undefined
}

/** One image of a list on one of the nodes that the list selects. */
export interface ImageRow {
  readonly image: ListedImage
  readonly node: KnownNode
  /** Not overdue. */
  readonly isReachable: boolean
  /** What the node is to have in the end; null while that is not known. */
  readonly digest: Digest | null
  readonly state: CopyState
  /** Bytes of its blobs on the node, by its last word. */
  readonly bytesHere: number
  readonly bytesTotal: number | null
  /** Also of a copy that is tried again. */
  readonly fault: CopyFault | undefined
  /** The fault is the centre's, not the node's. */
  readonly isUpstream: boolean
  /** Why the node is not told of it yet, if it is not. */
  readonly whyHeld: string | undefined
}

/** The copies that a cache wants, each node and image once, whatever number of its lists name both. */
export function imageRows(
  living: LivingCache,
  world: Pick<World, 'nodes' | 'resolutions' | 'assignments' | 'epoch' | 'now'>,
): ImageRow[] {
  const { cache, record } = living
  const { nodes, resolutions, epoch, now } = world
  if (record.purged) return []
  const untold = untoldNodes(living, world)
  return nodes.flatMap((node) => {
    const selected = cache.lists.filter((list) => selects(list, node)).flatMap(({ images }) => images)
    const images = new Map(selected.map((image) => [image.name, image]))
    const lines = linesOf(node, epoch)
    return [...images.values()].map((image): ImageRow => {
      const resolution = resolutions.get(image.name) ?? unresolved
      const common = { image, node, isReachable: isReachable(node.heard, now) }
      const standing = atMirror(image, node, resolution) ?? atNode(image, node, { resolution, lines })
      const isHeld = standing.state === 'told' && untold.has(node.name)
      if (isHeld) return { ...common, ...standing, state: 'held', whyHeld: whyHeld(living) }
      return { ...common, ...standing, whyHeld: undefined }
    })
  })
}

type Standing = Omit<ImageRow, 'image' | 'node' | 'isReachable' | 'whyHeld'>

/** A node's words by image name. Those under another epoch speak of a centre that lost its memory since. */
function linesOf({ heard }: KnownNode, epoch: string): ReadonlyMap<string, ImageReport> {
  if (!heard || heard.report.acknowledged?.epoch !== epoch) return new Map()
  return new Map(heard.report.images.map((line) => [line.name, line]))
}

/** Where it stands if the centre has not all that this node needs; undefined if it has. */
function atMirror({ name }: ListedImage, { platform }: KnownNode, resolution: Resolution): Standing | undefined {
  const { target, fault } = resolution
  const standing = { digest: target?.digest ?? null, bytesHere: 0, bytesTotal: null, isUpstream: true }
  const bytes = platform && isCurrent(resolution) ? mirroredBytes(resolution.mirrored, platform) : undefined
  if (typeof bytes === 'number') return undefined
  if (bytes === 'absent' && platform) {
    const message = `${name} has no variant for ${formatPlatform(platform)}`
    return { ...standing, state: 'failed', fault: { code: 'not-found', message, attempts: 1, retryAt: undefined } }
  }
  if (!platform && isCurrent(resolution)) return { ...standing, state: 'told', fault: undefined, isUpstream: false }
  return { ...standing, state: fault ? 'failed' : 'mirror', fault: fault ?? undefined }
}

interface NodeContext {
  readonly resolution: Resolution
  readonly lines: ReadonlyMap<string, ImageReport>
}

function atNode({ name }: ListedImage, node: KnownNode, { resolution, lines }: NodeContext): Standing {
  const digest = resolution.mirrored?.root.digest ?? null
  const bytes = node.platform && mirroredBytes(resolution.mirrored, node.platform)
  const bytesTotal = typeof bytes === 'number' ? bytes : null
  const line = lines.get(name)
  const standing = { digest, bytesTotal, isUpstream: false }
  if (line?.digest !== digest) return { ...standing, bytesHere: 0, state: 'told', fault: undefined }
  return { ...standing, bytesHere: Math.min(line.bytesHere, bytesTotal ?? line.bytesHere), ...spokenOf(line, node) }
}

/** What a node says of the version that it is to have. */
function spokenOf(line: ImageReport, { heard }: KnownNode): Pick<Standing, 'state' | 'fault'> {
  const failure = heard?.failures[line.name]
  const isFailed = line.state !== 'present' && failure?.digest === line.digest
  const fault = line.fault ?? (isFailed ? failure.fault : undefined)
  return {
    state: isFailed ? 'failed' : stateOf(line),
    fault: fault && { ...fault, retryAt: (heard?.receivedAt ?? 0) + fault.retryInMs },
  }
}

/** A node that still means to take away what it is to have has not read its latest assignment. */
function stateOf({ state }: ImageReport): CopyState {
  return state === 'removing' || state === 'in-use' ? 'leaving' : state
}
