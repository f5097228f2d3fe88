import { buildSet, type DesiredImage } from '@stowage/mirror/edge/set'
import { Fault } from '@stowage/mirror/oci/fault'
import type { ImageIndex } from '@stowage/mirror/oci/manifest'
import { formatPlatform, parsePlatform, uniquePlatforms, type Platform } from '@stowage/mirror/oci/platform'
import { mirrorRepositoryOf } from '@stowage/mirror/oci/reference'
import { cacheKey } from '../api/image-cache.ts'
import { listedImage, type ListedImage } from '../api/image-list.ts'
import { defaultNamespace } from '../api/object-meta.ts'
import { isCurrent, mirroredBytes, unresolved } from '../memory/resolution.ts'
import type { ExportWants } from '../memory/export-want.ts'
import type { ExportRequest, ExportView } from '../operator-api/views.ts'
import { selects } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'
import { whyNotMirrored } from './why-it-waits.ts'
import type { World } from './world.ts'

/** What is to be exported, found and complete. */
export interface ExportWish {
  readonly caches: readonly LivingCache[]
  /** Of the caches and by reference, each name once. */
  readonly images: readonly ListedImage[]
  readonly platforms: readonly Platform[]
}

/**
 * Finds what an export asks for.
 * @throws Fault not-found (no such cache) | invalid (bad reference or platform, nothing asked for, no platform known)
 */
export function findExport(request: ExportRequest, world: World): ExportWish {
  const caches = request.caches.map((key) => findCache(key, world))
  const images = [...caches.flatMap(imagesOf), ...request.images.map(listedImage)]
  if (caches.length + images.length === 0) throw new Fault('invalid', 'name at least one cache or image to export')
  const platforms =
    request.platforms.length > 0 ? request.platforms.map(parsePlatform) : platformsFor(caches, request, world)
  if (platforms.length === 0) {
    throw new Fault(
      'invalid',
      'for which platform? No node is known that these images are for: name it, such as linux/amd64',
    )
  }
  return {
    caches,
    images: [...new Map(images.map((image) => [image.name, image])).values()],
    platforms: uniquePlatforms(platforms),
  }
}

export interface ExportPlan {
  readonly view: ExportView
  /** The sets that the view names. */
  readonly sets: readonly ImageIndex[]
}

/** What a bundle would hold now, and what it would lack. */
export function planExport({ caches, images, platforms }: ExportWish, world: World, wants: ExportWants): ExportPlan {
  const standings = images.map((image) => {
    const askedAt = wants.get(image.name)?.askedAt ?? 0
    return standingOf(image, { platforms, world, askedAt })
  })
  const ready = new Map(standings.flatMap(({ name, root }) => (root ? [[name, { name, root }] as const] : [])))
  const entries = caches.flatMap((living) => setsOf(living, ready))
  return {
    sets: entries.map(({ set }) => set),
    view: {
      platforms: platforms.map(formatPlatform),
      entries: entries.map(({ set, ...entry }) => ({ ...entry, set: set.digest })),
      sets: [...new Set(entries.map(({ set }) => set.digest))],
      images: standings.flatMap(({ name, root, repository, platforms: own }) =>
        root ? [{ name, root, repository, platforms: own }] : [],
      ),
      missing: standings.flatMap(({ missing }) => missing),
    },
  }
}

interface Standing {
  readonly name: string
  readonly repository: string
  /** Undefined if it is not ready. */
  readonly root: DesiredImage['root'] | undefined
  readonly platforms: string[]
  readonly missing: ExportView['missing']
}

interface StandingInput {
  readonly platforms: readonly Platform[]
  readonly world: World
  /** Faults from before are being tried again. */
  readonly askedAt: number
}

function standingOf({ name, reference }: ListedImage, { platforms, world, askedAt }: StandingInput): Standing {
  const resolution = world.resolutions.get(name) ?? unresolved
  const { mirrored, fault } = resolution
  const offers = platforms.map((platform) => ({
    platform: formatPlatform(platform),
    bytes: mirroredBytes(mirrored, platform),
  }))
  const common = { name, repository: mirrorRepositoryOf(reference) }
  if (!isCurrent(resolution) || offers.some(({ bytes }) => bytes === undefined)) {
    const isFailed = fault !== null && fault.at >= askedAt
    const message = whyNotMirrored(name, isFailed ? fault : undefined, world)
    return {
      ...common,
      root: undefined,
      platforms: [],
      missing: [{ name, state: isFailed ? 'failed' : 'pending', message }],
    }
  }
  const absent = offers.filter(({ bytes }) => bytes === 'absent').map(({ platform }) => platform)
  const present = offers.filter(({ bytes }) => bytes !== 'absent').map(({ platform }) => platform)
  const missing = absent.map((platform) => ({
    name,
    state: 'failed' as const,
    message: `${name} has no variant for ${platform}`,
  }))
  return { ...common, root: present.length > 0 ? mirrored?.root : undefined, platforms: present, missing }
}

type Entry = Omit<ExportView['entries'][number], 'set'> & { readonly set: ImageIndex }

function setsOf({ cache, record }: LivingCache, ready: ReadonlyMap<string, DesiredImage>): Entry[] {
  return cache.lists.map((list, index) => {
    const names = record.purged ? [] : list.images.map(({ name }) => name)
    const set = buildSet({
      images: names.flatMap((name) => ready.get(name) ?? []),
      unresolved: names.filter((name) => !ready.has(name)),
    })
    const { namespace, name, removal } = cache
    return { cache: { namespace, name, uid: record.uid }, list: index, set, removal, ...(!list.pin && { pin: false }) }
  })
}

function findCache(key: string, { caches }: World): LivingCache {
  const full = key.includes('/') ? key : `${defaultNamespace}/${key}`
  const found = caches.find(({ cache }) => cacheKey(cache) === full)
  if (!found) throw new Fault('not-found', `there is no ImageCache ${full}; \`stowage get caches\` lists them`)
  return found
}

function imagesOf({ cache, record }: LivingCache): ListedImage[] {
  return record.purged ? [] : cache.lists.flatMap(({ images }) => images)
}

/** Those of the nodes that the caches select and that the lists name; of all nodes for images alone. */
function platformsFor(caches: readonly LivingCache[], { images }: ExportRequest, { nodes }: World): Platform[] {
  const lists = caches.flatMap(({ cache }) => cache.lists)
  const isFor =
    images.length > 0 ? () => true : (node: World['nodes'][number]) => lists.some((list) => selects(list, node))
  return [
    ...lists.flatMap(({ platforms }) => platforms),
    ...nodes.filter(isFor).flatMap(({ platform }) => platform ?? []),
  ]
}
