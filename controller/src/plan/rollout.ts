import type { Assignment } from '@stowage/mirror/edge/assignment'
import type { ImageReport } from '@stowage/mirror/edge/report'
import { parseSet, type DesiredImage } from '@stowage/mirror/edge/set'
import type { ImageIndex } from '@stowage/mirror/oci/manifest'
import { formatParallelism, nodesOf } from '../api/parallelism.ts'
import type { NodeRecord } from '../memory/node-record.ts'
import { hasAcknowledged } from './has-acknowledged.ts'
import { selects, type KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'
import type { SetPlan } from './plan-sets.ts'
import { isReachable } from './reachable.ts'

export interface RolloutInput {
  readonly epoch: string
  readonly nodes: readonly KnownNode[]
  /** What each node was told last. */
  readonly previous: ReadonlyMap<string, Assignment>
  readonly sets: SetPlan
  /** Epoch milliseconds. */
  readonly now: number
}

/** Names of nodes with an agent that a cache selects, and that have not been told what it wants now. */
export interface Rollout {
  readonly untold: ReadonlySet<string>
  /** Those of them that are not to be told yet, either. */
  readonly held: ReadonlySet<string>
}

const nobody: Rollout = { untold: new Set(), held: new Set() }

interface Standing {
  readonly node: KnownNode
  readonly isTold: boolean
  /** It can be heard of, and is bringing in what it was told. */
  readonly isWorking: boolean
}

/**
 * Whom a cache lets wait. As many nodes as its `parallelism` says may be in work at a time; whoever is done or has failed for a
 * reason that does not pass by itself makes room for the next one by name. Nodes that are offline hold no place, and get none.
 */
export function planRollout(living: LivingCache, input: RolloutInput): Rollout {
  const { parallelism, isSuspended, lists } = living.cache
  if (!parallelism && !isSuspended) return nobody
  const selected = input.nodes.filter((node) => node.heard && lists.some((list) => selects(list, node)))
  const known = new Map<ImageIndex, readonly DesiredImage[]>()
  const imagesOf = (set: ImageIndex): readonly DesiredImage[] => {
    const images = known.get(set) ?? parseSet(set.raw).images
    known.set(set, images)
    return images
  }
  const standings = selected.map((node) => standingOf(node, living, { ...input, imagesOf }))
  const most = isSuspended || !parallelism ? 0 : nodesOf(parallelism, selected.length)
  const untold = standings.filter(({ isTold }) => !isTold)
  const busy = standings.filter(({ isWorking }) => isWorking)
  // Who is busy with what was told before goes over to what is wanted now before anybody else begins.
  const inTurn = untold.filter(({ isWorking }) => isWorking)
  const idle = untold.filter(({ node, isWorking }) => !isWorking && isReachable(node.heard, input.now))
  const going = [
    ...inTurn.slice(0, Math.max(0, most - (busy.length - inTurn.length))),
    ...idle.slice(0, Math.max(0, most - busy.length)),
  ]
  return { untold: namesOf(untold), held: namesOf(untold).difference(namesOf(going)) }
}

/** Why a node has to wait, for people. */
export function whyHeld({ cache }: LivingCache): string {
  const { parallelism, isSuspended } = cache
  if (isSuspended) return 'nothing new is told to nodes: spec.suspend is set'
  if (!parallelism || parallelism.value === 0) return 'nothing new is told to nodes: spec.parallelism is 0'
  return `waits for its turn: spec.parallelism lets ${formatParallelism(parallelism)} of the nodes work at a time`
}

type StandingInput = RolloutInput & { readonly imagesOf: (set: ImageIndex) => readonly DesiredImage[] }

function standingOf(node: KnownNode, living: LivingCache, input: StandingInput): Standing {
  const { sets, epoch, now, imagesOf } = input
  const { heard } = node
  const told = input.previous.get(node.name)
  if (!heard || told?.epoch !== epoch) return { node, isTold: false, isWorking: false }
  const entries = told.entries.filter(({ cache }) => cache.uid === living.record.uid)
  const targets = living.cache.lists.flatMap((list, index) => {
    return selects(list, node) ? [{ index, set: sets.setFor(living, index, heard.report.platform) }] : []
  })
  const isTarget = ({ index, set }: (typeof targets)[number]): boolean =>
    entries.some((entry) => entry.list === index && entry.set === set.digest)
  const isTold = targets.every(isTarget)
  if (!isReachable(heard, now)) return { node, isTold, isWorking: false }
  const lines = linesOf(heard, epoch)
  if (isTold) {
    const wanted = targets.flatMap(({ set }) => imagesOf(set))
    return { node, isTold, isWorking: wanted.some((image) => isToCome(image, lines, heard)) }
  }
  // Of what it was told before, only its own words can say how far it is.
  const isEmpty = entries.every(({ set, list }) => set === null || set === sets.heldFor(living, list).digest)
  const names = [...living.record.names, ...living.record.leaving]
  const isBusy = names.some((name) => isUnderWay(lines.get(name), heard))
  return { node, isTold, isWorking: !isEmpty && (isBusy || !hasAcknowledged(node, told)) }
}

type Lines = ReadonlyMap<string, ImageReport>

/** What a node says of the assignments of this centre, by image name. */
function linesOf({ report }: NodeRecord, epoch: string): Lines {
  const images = report.acknowledged?.epoch === epoch ? report.images : []
  return new Map(images.map((line) => [line.name, line]))
}

function isToCome({ name, root }: DesiredImage, lines: Lines, { failures }: NodeRecord): boolean {
  const line = lines.get(name)
  return !(line?.state === 'present' && line.digest === root.digest) && failures[name]?.digest !== root.digest
}

function isUnderWay(line: ImageReport | undefined, { failures }: NodeRecord): boolean {
  const isMoving = line?.state === 'waiting' || line?.state === 'fetching' || line?.state === 'publishing'
  return isMoving && failures[line.name]?.digest !== line.digest
}

function namesOf(standings: readonly Standing[]): Set<string> {
  return new Set(standings.map(({ node }) => node.name))
}
