import { buildSet, type DesiredSet } from '@stowage/mirror/edge/set'
import type { ImageIndex } from '@stowage/mirror/oci/manifest'
import { formatPlatform, type Platform } from '@stowage/mirror/oci/platform'
import type { ImageList } from '../api/image-list.ts'
import { mirroredBytes, type Resolutions } from '../memory/resolution.ts'
import type { LivingCache } from './living-cache.ts'

/** The sets of all lists, made as they are asked for. */
export interface SetPlan {
  /** The set of a cache's list for nodes of a platform. */
  setFor(cache: LivingCache, list: number, platform: Platform): ImageIndex
  /** Each set that was asked for, once. */
  all(): ImageIndex[]
}

/**
 * What each list means for each platform. A name keeps its last mirrored digest until the next one is completely in the
 * mirror; one that the mirror cannot serve (yet) on this platform is said to be unresolved, so that nodes leave it alone.
 */
export function planSets(resolutions: Resolutions): SetPlan {
  const built = new Map<string, ImageIndex>()
  return {
    setFor({ cache, record }, list, platform) {
      const key = `${record.uid} ${list} ${formatPlatform(platform)}`
      const known = built.get(key)
      if (known) return known
      const images = record.purged ? [] : (cache.lists[list]?.images ?? [])
      const set = buildSet(desiredSet(images, platform, resolutions))
      built.set(key, set)
      return set
    },
    all: () => [...new Map([...built.values()].map((set) => [set.digest, set])).values()],
  }
}

/** Images as nodes of a platform are to have them. */
function desiredSet(images: ImageList['images'], platform: Platform, resolutions: Resolutions): DesiredSet {
  const desired = images.map(({ name }) => {
    const mirrored = resolutions.get(name)?.mirrored ?? null
    const isServed = typeof mirroredBytes(mirrored, platform) === 'number'
    return { name, root: isServed ? mirrored?.root : undefined }
  })
  return {
    images: desired.flatMap(({ name, root }) => (root ? [{ name, root }] : [])),
    unresolved: desired.flatMap(({ name, root }) => (root ? [] : [name])),
  }
}
