import { isFault } from '@stowage/mirror/oci/fault'
import { parsePlatform, uniquePlatforms, type Platform } from '@stowage/mirror/oci/platform'
import type { Reference } from '@stowage/mirror/oci/reference'
import { listedImage } from '../api/image-list.ts'
import type { ExportWants } from '../memory/export-want.ts'
import { selects, type KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'

/** A reference that somebody wants, and all that is wanted of it. */
export interface Want {
  readonly name: string
  readonly reference: Reference
  /** Empty as long as nobody who wants it has said what runs there: then it is only looked up. */
  readonly platforms: readonly Platform[]
  /** `namespace/name` of the Secrets that may be tried, sorted. */
  readonly secrets: readonly string[]
  /** Look it up again if that was last done before this, epoch milliseconds. */
  readonly refreshSince: number
  /** How often it is looked up again if it can come to mean something else, in milliseconds; Infinity for never. */
  readonly refreshMs: number
  /** All who want it want what it meant when it was looked up first. */
  readonly isOnce: boolean
  /** All who want it are suspended: it is remembered, but nothing is done for it. */
  readonly isSuspended: boolean
}

export interface WantsInput {
  readonly caches: readonly LivingCache[]
  readonly nodes: readonly KnownNode[]
  /** By image name. */
  readonly exports: ExportWants
  /** How often caches that do not say so themselves look tags up again, in milliseconds; 0 for never. */
  readonly refreshMs: number
  /** Epoch milliseconds. */
  readonly now: number
}

/** Every reference that is wanted, by image name, with the platforms of all who want it. */
export function planWants({ caches, nodes, exports, refreshMs, now }: WantsInput): Map<string, Want> {
  const wants = new Map<string, Want>()
  for (const { cache, record } of caches) {
    if (record.purged) continue
    const secrets = cache.isSuspended ? [] : cache.pullSecrets.map((name) => `${cache.namespace}/${name}`)
    const refresh = refreshOf({ cache, record }, refreshMs)
    for (const list of cache.lists) {
      // Once for all of its images: a fleet has many nodes and few platforms.
      const selected = cache.isSuspended ? [] : nodes.filter((node) => selects(list, node))
      const named = cache.isSuspended ? [] : list.platforms
      const platforms = uniquePlatforms([...named, ...selected.flatMap(({ platform }) => platform ?? [])])
      for (const { name, reference } of list.images) {
        add(wants, { name, reference, platforms, secrets, ...refresh })
      }
    }
  }
  for (const [name, { platforms, askedAt }] of exports) {
    const live = platforms.filter(({ until }) => until > now).map(({ platform }) => platform)
    const want = live.length > 0 && exportedWant(name, live)
    if (want)
      add(wants, {
        ...want,
        refreshSince: askedAt,
        refreshMs: refreshMs || Infinity,
        isOnce: false,
        isSuspended: false,
      })
  }
  return wants
}

function add(wants: Map<string, Want>, want: Want): void {
  const known = wants.get(want.name) ?? want
  wants.set(want.name, {
    ...want,
    platforms: uniquePlatforms([...known.platforms, ...want.platforms]),
    secrets: [...new Set([...known.secrets, ...want.secrets])].toSorted(),
    refreshSince: Math.max(known.refreshSince, want.refreshSince),
    refreshMs: Math.min(known.refreshMs, want.refreshMs),
    isOnce: known.isOnce && want.isOnce,
    isSuspended: known.isSuspended && want.isSuspended,
  })
}

function refreshOf(
  { cache, record }: LivingCache,
  refreshMs: number,
): Omit<Want, 'name' | 'reference' | 'platforms' | 'secrets'> {
  const { isSuspended } = cache
  if (cache.lookUp === 'once' || isSuspended) return { refreshSince: 0, refreshMs: Infinity, isOnce: true, isSuspended }
  return {
    refreshSince: record.refreshSince,
    refreshMs: (cache.refreshMs ?? refreshMs) || Infinity,
    isOnce: false,
    isSuspended,
  }
}

type ExportedWant = Pick<Want, 'name' | 'reference' | 'platforms' | 'secrets'>

function exportedWant(name: string, platforms: readonly string[]): ExportedWant | undefined {
  try {
    const { reference } = listedImage(name)
    return { name, reference, platforms: platforms.map(parsePlatform), secrets: [] }
  } catch (error) {
    // Written by another version with another grammar: nobody can be told here, and it expires.
    if (isFault(error, 'invalid')) return undefined
    throw error
  }
}
