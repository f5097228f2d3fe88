import { isDeepStrictEqual } from 'node:util'
import type { Assignment, AssignmentEntry } from '@stowage/mirror/edge/assignment'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { ImageList } from '../api/image-list.ts'
import { hasAcknowledged } from './has-acknowledged.ts'
import { selects, type KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'
import type { SetPlan } from './plan-sets.ts'
import { planRollout } from './rollout.ts'

export interface AssignmentsInput {
  readonly epoch: string
  readonly caches: readonly LivingCache[]
  readonly nodes: readonly KnownNode[]
  /** What each node was told last. */
  readonly previous: ReadonlyMap<string, Assignment>
  readonly sets: SetPlan
  /** Epoch milliseconds. */
  readonly now: number
}

/** The assignments that are to be published: those that changed, each with the next sequence. */
export function planAssignments({ nodes, previous, now, ...rest }: AssignmentsInput): Assignment[] {
  const { caches, epoch, sets } = rest
  const held = new Map(
    caches.map((living) => {
      return [living.record.uid, planRollout(living, { epoch, nodes, previous, sets, now }).held] as const
    }),
  )
  const input = { ...rest, held }
  return nodes.flatMap((node) => {
    if (!node.heard) return []
    const known = previous.get(node.name)
    const old = known?.epoch === input.epoch ? known : undefined
    const entries = entriesFor(node, old, input)
    const last = lastSequence(node, old, input.epoch)
    if (old?.sequence === last && isDeepStrictEqual(old.entries, entries)) return []
    return [{ version: 1, node: node.name, epoch: input.epoch, sequence: last + 1, entries }]
  })
}

/** A centre that was set back to a backup may have told a node more than it remembers: nodes obey only what is newer. */
function lastSequence({ heard }: KnownNode, old: Assignment | undefined, epoch: string): number {
  const acknowledged = heard?.report.acknowledged
  return Math.max(old?.sequence ?? 0, acknowledged?.epoch === epoch ? acknowledged.sequence : 0)
}

interface Input extends Omit<AssignmentsInput, 'nodes' | 'previous' | 'now'> {
  /** By uid of a cache: nodes that are not to be told yet what it wants now. */
  readonly held: ReadonlyMap<string, ReadonlySet<string>>
}

function entriesFor(node: KnownNode, old: Assignment | undefined, input: Input): AssignmentEntry[] {
  const wanted = wantedEntries(node, old, input)
  const isWanted = new Set(wanted.map(identityOf))
  const ending = endingEntries(node, old, input).filter((entry) => !isWanted.has(identityOf(entry)))
  return [...wanted, ...ending].toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1))
}

function wantedEntries(node: KnownNode, old: Assignment | undefined, input: Input): AssignmentEntry[] {
  const { caches, sets, held } = input
  const platform = node.heard?.report.platform
  if (!platform) return []
  return caches.flatMap((living) => {
    const { namespace, name, lists, removal } = living.cache
    const { uid } = living.record
    const isHeld = held.get(uid)?.has(node.name) ?? false
    return lists.flatMap((list, index) => {
      if (!selects(list, node)) return []
      const set = isHeld
        ? (setBefore(old, uid, index) ?? sets.heldFor(living, index).digest)
        : sets.setFor(living, index, platform).digest
      return [{ cache: { namespace, name, uid }, list: index, set, removal, ...termsOf(list, living) }]
    })
  })
}

/** What is usual is not said, so that agents that know nothing of it are told nothing new. */
function termsOf(
  { priority, pin }: ImageList,
  { cache: { transfer } }: LivingCache,
): Pick<AssignmentEntry, 'priority' | 'pin' | 'transfer'> {
  return { ...(priority !== 0 && { priority }), ...(!pin && { pin }), ...(transfer && { transfer }) }
}

function setBefore(old: Assignment | undefined, uid: string, index: number): Digest | undefined {
  return old?.entries.find(({ cache, list }) => cache.uid === uid && list === index)?.set ?? undefined
}

/**
 * Lists that the node had and is to have no longer: it must hear of that, so the entry stays without a set until the node has
 * seen it and is done with what it takes away. A cache that is suspended takes nothing away. One that is gone is left to the
 * node, which knows what is to become of its images, unless it was not heard of since that was said.
 */
function endingEntries(node: KnownNode, old: Assignment | undefined, { caches }: Input): AssignmentEntry[] {
  if (!old) return []
  const living = new Map(caches.map((cache) => [cache.record.uid, cache]))
  const isTold = hasAcknowledged(node, old)
  const isOver = isTold && !isTakingAway(node)
  return old.entries.flatMap((entry) => {
    const cache = living.get(entry.cache.uid)
    if (!cache) return entry.removal === 'remove' && !isTold ? [{ ...entry, set: null }] : []
    if (entry.set === null && isOver) return []
    return [{ ...entry, set: cache.cache.isSuspended ? entry.set : null, removal: cache.cache.removal }]
  })
}

function isTakingAway({ heard }: KnownNode): boolean {
  return heard?.report.images.some(({ state }) => state === 'removing' || state === 'in-use') ?? false
}

function identityOf({ cache, list }: AssignmentEntry): string {
  return `${cache.uid} ${list}`
}

/** NUL sorts before all that names may hold. */
function orderOf({ cache, list }: AssignmentEntry): string {
  return [cache.namespace, cache.name, String(list).padStart(6, '0'), cache.uid].join('\0')
}
