import { isDeepStrictEqual } from 'node:util'
import { cacheStatusSchema, type CacheStatus } from '../api/cache-status.ts'
import { cacheKey } from '../api/image-cache.ts'
import type { WrittenStatus } from '../api/written-status.ts'
import { eventsOf, type CacheEvent } from '../plan/events-of.ts'
import { imageCacheStatusOf, isNewStatus } from '../plan/image-cache-status-of.ts'
import type { LivingCache } from '../plan/living-cache.ts'
import { cacheAnnotations } from '../plan/observe-cache.ts'
import type { World } from '../plan/world.ts'
import { isDeleting } from './fold-objects.ts'
import type { CacheObject } from './image-cache-objects.ts'
import type { KubeObject } from './kube-object.ts'

/** Holds a deleted ImageCache until its nodes have been told to take its images away. */
const purgeFinalizer = 'stowage.dev/purge'

/** What is to be written to one ImageCache now. */
export interface CacheWrites {
  readonly status?: { readonly next: WrittenStatus; readonly events: readonly CacheEvent[] }
  /** Orders that were carried out. */
  readonly removeAnnotations?: readonly string[]
  /** All that are to be there. */
  readonly finalizers?: readonly string[]
}

/** What was written last by this process, and what the API server made of it. */
export interface WrittenBefore {
  readonly next: WrittenStatus
  readonly stored: unknown
}

export interface CacheWritesInput {
  /** As it is listed now. */
  readonly object: KubeObject
  /** What is in force of it. */
  readonly good: CacheObject['good']
  readonly living: LivingCache | undefined
  readonly world: World
  readonly written: WrittenBefore | undefined
  readonly isDefinitionGoing: boolean
}

/** What is to be written to an ImageCache so that it says what is true of it. */
export function cacheWrites(input: CacheWritesInput): CacheWrites {
  const { object, living, world } = input
  const finalizers = finalizersOf(input)
  if (isDeleting(object) || !living) return finalizers
  const next = imageCacheStatusOf(living, world)
  if (next && isWorthAWrite(next, input)) {
    return { ...finalizers, status: { next, events: eventsOf(readStatus(object), next) } }
  }
  const removeAnnotations = next ? ordersDone({ ...input, living }, next) : []
  return removeAnnotations.length > 0 ? { ...finalizers, removeAnnotations } : finalizers
}

/** What is not stored although it was written (by a definition that does not know it) would be written for ever. */
function isWorthAWrite(next: WrittenStatus, { object, written }: CacheWritesInput): boolean {
  const standing = statusOf(object)
  const isWritten = written && !isNewStatus(written.next, next) && isDeepStrictEqual(written.stored, standing)
  return !isWritten && isNewStatus(standing, next)
}

/** An order is taken away once its end is written down: a centre that is killed before that finds it again. */
function ordersDone(
  { object, living: { record }, world }: CacheWritesInput & { readonly living: LivingCache },
  { status }: WrittenStatus,
): string[] {
  if (status === 'Processing') return []
  const isLookedUp = record.names.every((name) => {
    const { checkedAt = null, fault = null } = world.resolutions.get(name) ?? {}
    return Math.max(checkedAt ?? 0, fault?.at ?? 0) >= record.refreshSince
  })
  const done = [
    ...(record.annotations.purge ? [cacheAnnotations.purge] : []),
    ...(record.annotations.refresh && isLookedUp ? [cacheAnnotations.refresh] : []),
  ]
  return done.filter((name) => name in (object.metadata.annotations ?? {}))
}

/**
 * A deleted cache with the policy Purge stays until every node that was heard of is told of it: nobody waits for nodes. One
 * that goes with its definition is let go as it is.
 */
function finalizersOf({ object, good, world, isDefinitionGoing }: CacheWritesInput): Pick<CacheWrites, 'finalizers'> {
  const { finalizers = [] } = object.metadata
  const isThere = finalizers.includes(purgeFinalizer)
  const others = finalizers.filter((name) => name !== purgeFinalizer)
  if (isDeleting(object)) {
    return isThere && (isDefinitionGoing || isPublished(object, world)) ? { finalizers: others } : {}
  }
  const isAskedFor = good?.object.metadata.uid === object.metadata.uid && good.cache.removal === 'remove'
  if (isAskedFor === isThere) return {}
  return { finalizers: isAskedFor ? [...others, purgeFinalizer] : others }
}

function isPublished({ metadata: { uid } }: KubeObject, { caches, nodes, assignments }: World): boolean {
  if (caches.some(({ record }) => record.uid === uid)) return false
  const told = nodes.flatMap(({ name, heard }) => (heard ? (assignments.get(name) ?? []) : []))
  return told.every(({ entries }) => entries.every(({ cache, set }) => cache.uid !== uid || set === null))
}

/** The living caches of a world, by key. */
export function livingByKey({ caches }: World): ReadonlyMap<string, LivingCache> {
  return new Map(caches.map((living) => [cacheKey(living.cache), living]))
}

function statusOf(object: KubeObject): unknown {
  return object['status']
}

/** Undefined if it is not of our form: then nothing is known to have been said. */
function readStatus(object: KubeObject): Partial<CacheStatus> | undefined {
  return cacheStatusSchema.partial().safeParse(statusOf(object)).data as Partial<CacheStatus> | undefined
}
