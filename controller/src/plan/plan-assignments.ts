import { isDeepStrictEqual } from 'node:util'
import type { Assignment, AssignmentEntry } from '@stowage/mirror/edge/assignment'
import { selects, type KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'
import type { SetPlan } from './plan-sets.ts'

export interface AssignmentsInput {
  readonly epoch: string
  readonly caches: readonly LivingCache[]
  readonly nodes: readonly KnownNode[]
  /** What each node was told last. */
  readonly previous: ReadonlyMap<string, Assignment>
  readonly sets: SetPlan
}

/** The assignments that are to be published: those that changed, each with the next sequence. */
export function planAssignments({ nodes, previous, ...input }: AssignmentsInput): Assignment[] {
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

type Input = Omit<AssignmentsInput, 'nodes' | 'previous'>

function entriesFor(node: KnownNode, old: Assignment | undefined, input: Input): AssignmentEntry[] {
  const wanted = wantedEntries(node, input)
  const isWanted = new Set(wanted.map(identityOf))
  const ending = endingEntries(node, old, input).filter((entry) => !isWanted.has(identityOf(entry)))
  return [...wanted, ...ending].toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1))
}

function wantedEntries(node: KnownNode, { caches, sets }: Input): AssignmentEntry[] {
  const platform = node.heard?.report.platform
  if (!platform) return []
  return caches.flatMap((living) => {
    const { namespace, name, lists, removal } = living.cache
    return lists.flatMap((list, index) => {
      if (!selects(list, node)) return []
      const cache = { namespace, name, uid: living.record.uid }
      return [{ cache, list: index, set: sets.setFor(living, index, platform).digest, removal }]
    })
  })
}

/**
 * Lists of living caches that the node had and is to have no longer: it must hear of that, so the entry stays without a set
 * until the node has seen it and is done with what it takes away.
 */
function endingEntries(node: KnownNode, old: Assignment | undefined, { caches }: Input): AssignmentEntry[] {
  if (!old) return []
  const living = new Map(caches.map((cache) => [cache.record.uid, cache]))
  const isOver = hasAcknowledged(node, old) && !isTakingAway(node)
  return old.entries.flatMap((entry) => {
    const cache = living.get(entry.cache.uid)
    if (!cache || (entry.set === null && isOver)) return []
    return [{ ...entry, set: null, removal: cache.cache.removal }]
  })
}

/** Whether a node's latest report speaks of this assignment or a later one. */
export function hasAcknowledged({ heard }: KnownNode, { epoch, sequence }: Assignment): boolean {
  const acknowledged = heard?.report.acknowledged
  return acknowledged?.epoch === epoch && acknowledged.sequence >= sequence
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
