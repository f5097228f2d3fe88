import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { blobsOf, uniqueBlobsOf, type Manifest } from '../oci/manifest.ts'
import { formatPlatform, uniquePlatforms, type Platform } from '../oci/platform.ts'
import { childrenOf } from '../copy/read-image-graph.ts'
import type { ReadImage } from './read-image.ts'

/**
 * - `whole`: all that the image names is there.
 * - `sparse`: an index names manifests that were left out; of those that are there everything is.
 * - `broken`: a manifest is there, and something that it needs is not, or it cannot be read itself.
 */
export type CompletenessState = (typeof completenessStates)[number]

/** All of them. */
export const completenessStates = ['whole', 'sparse', 'broken'] as const

/** How much of an image is there. */
export interface Completeness {
  readonly state: CompletenessState
  /** Those that can be run from what is there. */
  readonly platforms: readonly Platform[]
  /** Those that an index names as well. */
  readonly lacking: readonly Platform[]
  /** Manifests that were left out. */
  readonly absent: readonly Digest[]
  /** Manifests that are there and cannot be read. */
  readonly damaged: readonly Digest[]
  readonly missingBlobs: readonly Descriptor[]
  /** Bytes of all that is there, each once. */
  readonly bytes: number
}

type Found = Pick<ReadImage, 'root' | 'manifests' | 'damaged' | 'missing' | 'configs'>

export function completenessOf(image: Found): Completeness {
  const { manifests, damaged, missing } = image
  const read = [...manifests.values()]
  const blobs = uniqueBlobsOf(read)
  const missingBlobs = blobs.filter(({ digest }) => missing.has(digest))
  const absent = absentFrom(image)
  const { platforms, lacking } = platformsOf(image)
  const isBroken = missingBlobs.length > 0 || damaged.size > 0
  return {
    state: isBroken ? 'broken' : absent.length > 0 ? 'sparse' : 'whole',
    platforms,
    lacking,
    absent,
    damaged: [...damaged],
    missingBlobs,
    bytes: sizeOf(read, blobs) - missingBlobs.reduce((sum, { size }) => sum + size, 0),
  }
}

/** `whole`, `sparse: 1 of 3 platforms`, `broken: 2 blobs missing`. */
export function describeCompleteness({ state, ...found }: Completeness): string {
  const { platforms, lacking, absent, damaged, missingBlobs } = found
  if (state === 'whole') return state
  const offered = platforms.length + lacking.length
  const parts = [
    missingBlobs.length > 0 ? `${counted(missingBlobs.length, 'blob')} missing` : '',
    damaged.length > 0 ? `${counted(damaged.length, 'manifest')} damaged` : '',
    lacking.length > 0 && offered > 1 ? `${platforms.length} of ${offered} platforms` : '',
    absent.length > 0 && lacking.length === 0 ? `${counted(absent.length, 'manifest')} left out` : '',
  ]
  return `${state}: ${parts.filter(Boolean).join(', ')}`
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function absentFrom({ manifests, damaged }: Found): Digest[] {
  const named = [...manifests.values()].flatMap((manifest) => childrenOf(manifest)).map(({ digest }) => digest)
  return [...new Set(named)].filter((digest) => !manifests.has(digest) && !damaged.has(digest))
}

/** A platform is there if one of the entries that name it is, with all below it. */
function platformsOf(image: Found): { readonly platforms: Platform[]; readonly lacking: Platform[] } {
  const entries = [...image.manifests.values()].flatMap((manifest) => childrenOf(manifest)).filter(isForMachines)
  const offered = entries.flatMap(({ platform }) => platform ?? [])
  const whole = entries.filter(({ digest }) => isWhole(digest, image)).flatMap(({ platform }) => platform ?? [])
  const own = image.configs.get(image.root.digest)?.platform
  if (own) (isWhole(image.root.digest, image) ? whole : offered).push(own)
  const platforms = uniquePlatforms(whole)
  const there = new Set(platforms.map(formatPlatform))
  return { platforms, lacking: uniquePlatforms(offered).filter((platform) => !there.has(formatPlatform(platform))) }
}

/** Attestations say that they are for no platform. */
function isForMachines({ platform }: Descriptor): boolean {
  return platform !== undefined && platform.os !== 'unknown'
}

function isWhole(digest: Digest, image: Found): boolean {
  const manifest = image.manifests.get(digest)
  if (manifest?.kind === 'manifest') return blobsOf(manifest).every((blob) => !image.missing.has(blob.digest))
  return manifest !== undefined && childrenOf(manifest).every((child) => isWhole(child.digest, image))
}

function sizeOf(manifests: readonly Manifest[], blobs: readonly Descriptor[]): number {
  return [...manifests.map(({ raw }) => raw.length), ...blobs.map(({ size }) => size)].reduce(
    (sum, size) => sum + size,
    0,
  )
}
