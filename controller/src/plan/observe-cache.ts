import { isDeepStrictEqual } from 'node:util'
import { formatPlatform } from '@stowage/mirror/oci/platform'
import type { CacheOperation } from '../api/cache-status.ts'
import type { ImageCache } from '../api/image-cache.ts'
import type { ImageList } from '../api/image-list.ts'
import type { CacheRecord } from '../memory/cache-record.ts'
import type { LivingCache } from './living-cache.ts'

/** Valueless orders, as kube-fledged's users give them (`kubectl annotate … kubefledged.io/refresh-imagecache=`). */
export const cacheAnnotations = {
  refresh: 'kubefledged.io/refresh-imagecache',
  purge: 'kubefledged.io/purge-imagecache',
} as const

export interface ObserveOptions {
  /** Epoch milliseconds. */
  readonly now: number
  /** For a cache that brings no uid of its own. */
  readonly makeUid: () => string
}

/** What is to be remembered of a cache after seeing it like this: the same record if there is nothing new. */
export function observeCache(old: CacheRecord | undefined, cache: ImageCache, options: ObserveOptions): CacheRecord {
  if (!old || (cache.uid !== undefined && cache.uid !== old.uid)) return createdRecord(cache, options)
  const reason = orderedBy(old, cache)
  const annotations = annotationsOf(cache)
  if (!reason) return isDeepStrictEqual(annotations, old.annotations) ? old : { ...old, annotations }
  const next = withSpec({ ...old, annotations }, cache, { purged: reason === 'ImageCachePurge' })
  const deleting = next.leaving.length > 0 && next.names.every((name) => old.names.includes(name))
  return {
    ...next,
    refreshSince: reason === 'ImageCacheRefresh' ? options.now : old.refreshSince,
    operation: { reason, startedAt: options.now, deleting },
  }
}

/** Whether the record is of this very spec, and not of one before it. */
export function isObserved({ cache, record }: LivingCache): boolean {
  return record.spec === specOf(cache)
}

/** What begins now: purging before refreshing before a changed spec, as in kube-fledged. */
function orderedBy(old: CacheRecord, cache: ImageCache): CacheOperation | undefined {
  const { purge, refresh } = annotationsOf(cache)
  if (purge && !old.annotations.purge) return 'ImageCachePurge'
  if (refresh && !old.annotations.refresh) return 'ImageCacheRefresh'
  return specOf(cache) === old.spec ? undefined : 'ImageCacheUpdate'
}

/**
 * In a cluster, where orders are taken away once they are done, one that was there from the beginning is obeyed, too. In a file
 * it stays, and a centre that has lost its memory must not empty nodes for what was ordered long ago.
 */
function createdRecord(cache: ImageCache, { now, makeUid }: ObserveOptions): CacheRecord {
  const annotations = annotationsOf(cache)
  const names = namesOf(cache)
  const isInCluster = cache.uid !== undefined
  const purged = isInCluster && annotations.purge
  return {
    version: 1,
    uid: cache.uid ?? makeUid(),
    generation: 1,
    spec: specOf(cache),
    names: purged ? [] : names,
    leaving: purged ? names : [],
    operation: { reason: purged ? 'ImageCachePurge' : 'ImageCacheCreate', startedAt: now, deleting: purged },
    annotations,
    purged,
    refreshSince: isInCluster && annotations.refresh ? now : 0,
    status: null,
  }
}

function withSpec(old: CacheRecord, cache: ImageCache, { purged }: { readonly purged: boolean }): CacheRecord {
  const spec = specOf(cache)
  const names = purged ? [] : namesOf(cache)
  const leaving = new Set([...old.leaving, ...old.names]).difference(new Set(names))
  const generation = spec === old.spec ? old.generation : old.generation + 1
  return { ...old, spec, generation, names, leaving: [...leaving].toSorted(), purged }
}

function annotationsOf({ annotations }: ImageCache): CacheRecord['annotations'] {
  return { refresh: cacheAnnotations.refresh in annotations, purge: cacheAnnotations.purge in annotations }
}

function namesOf({ lists }: ImageCache): string[] {
  return [...new Set(lists.flatMap(({ images }) => images.map(({ name }) => name)))].toSorted()
}

/** All of the spec in one comparable text. What is not said leaves no trace in it: a new field changes no cache that lacks it. */
function specOf({ lists, pullSecrets, removal, ...cache }: ImageCache): string {
  const { refreshMs, hasDeadline, parallelism, isSuspended, transfer } = cache
  const more = said({ once: cache.lookUp === 'once', refreshMs, hasDeadline, parallelism, isSuspended, transfer })
  return JSON.stringify([lists.map(listOf), pullSecrets, removal, ...more])
}

function listOf({ images, nodeSelector, platforms, ...list }: ImageList): unknown[] {
  return [
    images.map(({ written }) => written),
    Object.entries(nodeSelector).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    platforms.map(formatPlatform),
    ...said({
      requirements: list.requirements,
      nodeNames: list.nodeNames,
      priority: list.priority || undefined,
      unpinned: !list.pin,
    }),
  ]
}

function said(fields: Readonly<Record<string, unknown>>): [string, unknown][] {
  const isSaid = (value: unknown): boolean => value !== undefined && value !== false && !isDeepStrictEqual(value, [])
  return Object.entries(fields).filter(([, value]) => isSaid(value))
}
