import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { Fault } from '../oci/fault.ts'
import type { ImageIndex, Manifest } from '../oci/manifest.ts'
import { isManifestType } from '../oci/media-type.ts'
import { bestForPlatform, formatPlatform, uniquePlatforms, type Platform } from '../oci/platform.ts'
import { selectChildren } from '../oci/select-children.ts'

/** More than any honest image has; an index may name others that name others. */
const maxManifests = 2000
const maxDepth = 8
/** All of them are in memory at a time; bytes. */
const maxManifestBytes = 64 * 1024 * 1024

/** What is to be copied of an image. */
export interface ImageGraph {
  readonly root: Manifest
  /** Each once, parts before what they are part of: the root is last. */
  readonly manifests: readonly Manifest[]
  /** Wanted ones (all, if none were named) that an index offers; a plain manifest names none. */
  readonly platforms: readonly Platform[]
  /** Wanted ones that are not offered, or not there. */
  readonly missing: readonly Platform[]
}

export interface ReadImageGraphOptions {
  readonly root: Manifest
  /** Each is as large as its descriptor says; undefined for what the source leaves out on purpose. */
  readonly fetchAll: (children: readonly Descriptor[]) => Promise<readonly (Manifest | undefined)[]>
  /** All, if it is left out. */
  readonly platforms?: readonly Platform[] | undefined
  /** For messages. */
  readonly what: string
}

/**
 * Reads the manifests of an image, level by level, and finds out what belongs to it. A plain manifest is taken whatever
 * platform is wanted, as containerd does.
 * @throws Fault not-found if an index offers platforms and none of the wanted ones; invalid if it is no honest image
 */
export async function readImageGraph(options: ReadImageGraphOptions): Promise<ImageGraph> {
  const found = await readManifests(options)
  return { root: options.root, manifests: inOrder(found, options), ...offerOf(found, options) }
}

/**
 * Reads the manifests of an image, level by level, whatever it offers.
 * @throws Fault invalid if it is no honest image
 */
export async function readManifests(options: ReadImageGraphOptions): Promise<ReadonlyMap<Digest, Manifest>> {
  const { root, fetchAll, platforms, what } = options
  const found = new Map<Digest, Manifest>([[root.digest, root]])
  let level: readonly Manifest[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    const children = level.flatMap((manifest) => childrenOf(manifest, platforms))
    const unique = new Map(children.map((child) => [child.digest, child])).values()
    const unseen = [...unique].filter(({ digest }) => !found.has(digest))
    if (depth > maxDepth || found.size + unseen.length > maxManifests || bytesOf(found, unseen) > maxManifestBytes) {
      throw new Fault('invalid', `${what}: it nests more manifests, or larger ones, than an image can have`)
    }
    level = (await fetchAll(unseen)).filter((manifest) => manifest !== undefined)
    for (const manifest of level) found.set(manifest.digest, manifest)
  }
  return found
}

function bytesOf(found: ReadonlyMap<Digest, Manifest>, unseen: readonly Descriptor[]): number {
  const sizes = [...found.values()].map(({ raw }) => raw.length)
  return [...sizes, ...unseen.map(({ size }) => size)].reduce((total, size) => total + size, 0)
}

/** Manifests that an index names: what is none has no business in it; registries cannot be asked for it as one. */
export function childrenOf(manifest: Manifest, platforms?: readonly Platform[]): Descriptor[] {
  if (manifest.kind !== 'index') return []
  return selectChildren(manifest.manifests, platforms).filter(({ mediaType }) => isManifestType(mediaType))
}

/** Depth first, so that an index comes behind its children even if another index names them earlier. */
function inOrder(found: ReadonlyMap<Digest, Manifest>, { root, platforms }: ReadImageGraphOptions): Manifest[] {
  const ordered = new Set<Manifest>()
  const visit = (manifest: Manifest | undefined): void => {
    if (!manifest || ordered.has(manifest)) return
    for (const { digest } of childrenOf(manifest, platforms)) visit(found.get(digest))
    ordered.add(manifest)
  }
  visit(root)
  return [...ordered]
}

function offerOf(
  found: ReadonlyMap<Digest, Manifest>,
  { platforms, what }: ReadImageGraphOptions,
): Pick<ImageGraph, 'platforms' | 'missing'> {
  const indexes = [...found.values()].filter((manifest) => manifest.kind === 'index')
  const offered = uniquePlatforms(indexes.flatMap(platformsOf))
  if (offered.length === 0) return { platforms: [], missing: [] }
  const wanted = uniquePlatforms(platforms ?? offered)
  const isThere = (platform: Platform): boolean =>
    indexes.some(({ manifests }) => found.has(bestForPlatform(manifests, platform)?.digest ?? ('' as Digest)))
  const there = wanted.filter(isThere)
  const missing = wanted.filter((platform) => !there.includes(platform))
  if (there.length === 0 && missing.length > 0) {
    throw new Fault('not-found', `${what}: it offers ${listOf(offered)}; none of ${listOf(missing)} is to be had`)
  }
  return { platforms: there, missing }
}

/** Attestations say that they are for no platform. */
function platformsOf({ manifests }: ImageIndex): Platform[] {
  return manifests.flatMap(({ platform }) => (platform && platform.os !== 'unknown' ? [platform] : []))
}

function listOf(platforms: readonly Platform[]): string {
  return platforms.map(formatPlatform).join(', ')
}
