import type { Descriptor } from './descriptor.ts'
import { isIndexType } from './media-type.ts'
import { bestForPlatform, type Platform } from './platform.ts'

/** BuildKit hangs provenance and SBOM of a child into the same index, under platform unknown/unknown. */
const attestedDigest = 'vnd.docker.reference.digest'

/**
 * Which entries of an index are wanted for these platforms: for each platform the one that runs best on it, the
 * attestations of those, and what names no platform (nested indexes, artifacts). Without platforms: all. Order is kept.
 */
export function selectChildren(manifests: readonly Descriptor[], platforms?: readonly Platform[]): Descriptor[] {
  if (!platforms) return [...manifests]
  const images = manifests.filter((entry) => !isAttestation(entry))
  const chosen = new Set(platforms.flatMap((platform) => bestForPlatform(images, platform) ?? []))
  for (const entry of images) if (!entry.platform) chosen.add(entry)
  const digests = new Set([...chosen].map((entry) => entry.digest as string))
  return manifests.filter((entry) => chosen.has(entry) || digests.has(entry.annotations?.[attestedDigest] ?? ''))
}

/** The one entry that a machine would run; a nested index if nothing names the platform itself. */
export function selectChild(manifests: readonly Descriptor[], platform: Platform): Descriptor | undefined {
  const images = manifests.filter((entry) => !isAttestation(entry))
  return bestForPlatform(images, platform) ?? images.find((entry) => !entry.platform && isIndexType(entry.mediaType))
}

function isAttestation({ platform, annotations }: Descriptor): boolean {
  return platform?.os === 'unknown' || annotations?.[attestedDigest] !== undefined
}
