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
  /** What a node is told of a list of which it is not to bring anything yet: to leave alone what it names. */
  heldFor(cache: LivingCache, list: number): ImageIndex
  /** Each set that was asked for, once. */
  all(): ImageIndex[]
}

/**
 * What each list means for each platform. A name keeps its last mirrored digest until the next one is completely in the
 * mirror; one that the mirror cannot serve (yet) on this platform is said to be unresolved, so that nodes leave it alone.
 */
export function planSets(resolutions: Resolutions): SetPlan {
  const built = new Map<string, ImageIndex>()

  function once(key: string, make: () => DesiredSet): ImageIndex {
    const set = built.get(key) ?? buildSet(make())
    built.set(key, set)
    return set
  }

  return {
    setFor: (living, list, platform) =>
      once(`${living.record.uid} ${list} ${formatPlatform(platform)}`, () => {
        return desiredSet(imagesOf(living, list), platform, resolutions)
      }),
    heldFor: (living, list) =>
      once(`${living.record.uid} ${list}`, () => {
        return { images: [], unresolved: imagesOf(living, list).map(({ name }) => name) }
      }),
    all: () => [...new Map([...built.values()].map((set) => [set.digest, set])).values()],
  }
}

function imagesOf({ cache, record }: LivingCache, list: number): ImageList['images'] {
  return record.purged ? [] : (cache.lists[list]?.images ?? [])
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
