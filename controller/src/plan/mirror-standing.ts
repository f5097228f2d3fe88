import type { Digest } from '@stowage/mirror/oci/digest'
import { formatPlatform, type Platform } from '@stowage/mirror/oci/platform'
import type { ListedImage } from '../api/image-list.ts'
import { isCurrent, mirroredBytes, unresolved, type Resolution, type Resolutions } from '../memory/resolution.ts'
import type { CopyStanding } from './copy-standing.ts'

/** What the centre has of an image for nodes of one platform. */
export interface MirrorStanding {
  /** Where a copy stands if the centre has not all that such a node needs. */
  readonly lacking: CopyStanding | undefined
  /** What nodes are given. */
  readonly digest: Digest | null
  readonly bytesTotal: number | null
}

/** Looks each image up once for each platform: a fleet has few platforms and many nodes. */
export function createMirrorStandings(
  resolutions: Resolutions,
): (platform: Platform | undefined) => (image: ListedImage) => MirrorStanding {
  const byPlatform = new Map<string, (image: ListedImage) => MirrorStanding>()

  function tableOf(platform: Platform | undefined): (image: ListedImage) => MirrorStanding {
    const byName = new Map<string, MirrorStanding>()
    return (image) => {
      const known = byName.get(image.name)
      if (known) return known
      const standing = standingOf(image, platform, resolutions.get(image.name) ?? unresolved)
      byName.set(image.name, standing)
      return standing
    }
  }

  return (platform) => {
    const text = platform ? formatPlatform(platform) : ''
    const table = byPlatform.get(text) ?? tableOf(platform)
    byPlatform.set(text, table)
    return table
  }
}

function standingOf(image: ListedImage, platform: Platform | undefined, resolution: Resolution): MirrorStanding {
  const { mirrored } = resolution
  const bytes = platform && mirroredBytes(mirrored, platform)
  return {
    lacking: lackingOf(image, platform, resolution),
    digest: mirrored?.root.digest ?? null,
    bytesTotal: typeof bytes === 'number' ? bytes : null,
  }
}

function lackingOf(
  { name }: ListedImage,
  platform: Platform | undefined,
  resolution: Resolution,
): CopyStanding | undefined {
  const { target, fault, mirrored } = resolution
  const standing = { digest: target?.digest ?? null, bytesHere: 0, bytesTotal: null, isUpstream: true }
  const bytes = platform && isCurrent(resolution) ? mirroredBytes(mirrored, platform) : undefined
  if (typeof bytes === 'number') return undefined
  if (bytes === 'absent' && platform) {
    const message = `${name} has no variant for ${formatPlatform(platform)}`
    return { ...standing, state: 'failed', fault: { code: 'not-found', message, attempts: 1, retryAt: undefined } }
  }
  if (!platform && isCurrent(resolution)) return { ...standing, state: 'told', fault: undefined, isUpstream: false }
  return { ...standing, state: fault ? 'failed' : 'mirror', fault: fault ?? undefined }
}
