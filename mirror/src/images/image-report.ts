import type { ReferrerGraph } from '../copy/read-referrers.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { artifactTypeOf, type ImageManifest, type Manifest } from '../oci/manifest.ts'
import { isImageConfigType } from '../oci/image-config.ts'
import { isForeignLayerType } from '../oci/media-type.ts'
import { formatPlatform } from '../oci/platform.ts'
import { completenessOf, describeCompleteness, type CompletenessState } from './completeness.ts'
import type { ConfigSummary } from './config-summary.ts'
import type { ReadImage } from './read-image.ts'

/** `foreign`: its licence forbids to redistribute it, and nobody but its author need have it. */
export type PartState = 'there' | 'missing' | 'damaged' | 'foreign'

export interface BlobReport {
  readonly digest: Digest
  readonly mediaType: string
  /** Bytes. */
  readonly size: number
  readonly state: PartState
}

export interface ManifestReport {
  readonly digest: Digest
  readonly mediaType: string
  /** Bytes of the manifest itself. */
  readonly size: number
  readonly kind: 'index' | 'image' | 'attestation' | 'artifact'
  /** As the index names it, or its configuration. */
  readonly platform: string | null
  readonly state: PartState
  /** Of what it is attached to in the same index. */
  readonly attests: string | null
  readonly artifactType: string | null
  readonly config: BlobReport | null
  readonly configSummary: ConfigSummary | null
  readonly layers: readonly BlobReport[]
  /** What an index names, in its order. */
  readonly manifests: readonly ManifestReport[]
}

/** A signature, an SBOM, or what else speaks of the image or a part of it. */
export interface ReferrerReport extends ManifestReport {
  /** What it speaks of; null for one that is found by its tag only. */
  readonly subject: Digest | null
  readonly tags: readonly string[]
}

/** All that is known of an image in one place. */
export interface ImageReport {
  readonly repository: string
  readonly digest: Digest
  /** Of all that is there, each once. */
  readonly bytes: number
  readonly completeness: CompletenessState
  /** The same in words, with what is missing. */
  readonly remark: string
  readonly platforms: readonly string[]
  readonly lackingPlatforms: readonly string[]
  /** Tags that mean it: as long as one does it is kept. */
  readonly tags: readonly string[]
  /** What else keeps it, such as a controller; null if that is not told. */
  readonly keptBy: readonly string[] | null
  readonly image: ManifestReport
  readonly referrers: readonly ReferrerReport[]
}

export interface ImageReportInput {
  readonly repository: string
  readonly image: ReadImage
  /** All tags of the repository. */
  readonly tags: ReadonlyMap<string, Digest>
  readonly keptBy: readonly string[] | null
  readonly referrers: ReferrerGraph & { readonly missing: ReadonlySet<Digest> }
}

/** BuildKit names the manifest that an attestation is of. */
const attestedDigest = 'vnd.docker.reference.digest'

/** Puts together what was read of an image. */
export function imageReport({ repository, image, tags, keptBy, referrers }: ImageReportInput): ImageReport {
  const completeness = completenessOf(image)
  const { digest } = image.root
  return {
    repository,
    digest,
    bytes: completeness.bytes,
    completeness: completeness.state,
    remark: describeCompleteness(completeness),
    platforms: completeness.platforms.map(formatPlatform),
    lackingPlatforms: completeness.lacking.map(formatPlatform),
    tags: [...tags].filter(([, target]) => target === digest).map(([tag]) => tag),
    keptBy,
    image: manifestReport({ ...image.root, size: image.root.raw.length }, image),
    referrers: referrers.manifests.filter(isReferrer).map((manifest) => ({
      ...manifestReport(
        { ...manifest, size: manifest.raw.length },
        { ...referrers, manifests: byDigest(referrers.manifests), damaged: new Set(), configs: new Map() },
      ),
      subject: manifest.subject?.digest ?? null,
      tags: (referrers.tags.get(manifest.digest) ?? []).map(({ tag }) => tag),
    })),
  }

  /** Parts of referrers are reported with them. */
  function isReferrer({ digest: own, subject }: Manifest): boolean {
    return subject !== undefined || referrers.tags.has(own)
  }
}

type Found = Pick<ReadImage, 'manifests' | 'damaged' | 'missing' | 'configs'>

function manifestReport(descriptor: Descriptor, found: Found): ManifestReport {
  const { digest, mediaType, size } = descriptor
  const manifest = found.manifests.get(digest)
  const configSummary = found.configs.get(digest) ?? null
  return {
    digest,
    mediaType,
    size,
    kind: kindOf(descriptor, manifest),
    platform: platformOf(descriptor, configSummary),
    state: manifest ? 'there' : found.damaged.has(digest) ? 'damaged' : 'missing',
    attests: descriptor.annotations?.[attestedDigest] ?? null,
    artifactType: (manifest && isArtifact(manifest) && artifactTypeOf(manifest)) || null,
    configSummary,
    ...partsReport(manifest, found),
  }
}

function platformOf(descriptor: Descriptor, config: ConfigSummary | null): string | null {
  const platform = descriptor.platform ?? config?.platform
  return platform && platform.os !== 'unknown' ? formatPlatform(platform) : null
}

function partsReport(
  manifest: Manifest | undefined,
  found: Found,
): Pick<ManifestReport, 'config' | 'layers' | 'manifests'> {
  if (manifest?.kind === 'index') {
    return { config: null, layers: [], manifests: manifest.manifests.map((child) => manifestReport(child, found)) }
  }
  if (!manifest) return { config: null, layers: [], manifests: [] }
  const report = (blob: Descriptor): BlobReport => blobReport(blob, found)
  return { config: report(manifest.config), layers: manifest.layers.map(report), manifests: [] }
}

function blobReport({ digest, mediaType, size }: Descriptor, { missing }: Pick<Found, 'missing'>): BlobReport {
  const state = isForeignLayerType(mediaType) ? 'foreign' : missing.has(digest) ? 'missing' : 'there'
  return { digest, mediaType, size, state }
}

function kindOf(descriptor: Descriptor, manifest: Manifest | undefined): ManifestReport['kind'] {
  if (manifest?.kind === 'index') return 'index'
  if (descriptor.platform?.os === 'unknown' || descriptor.annotations?.[attestedDigest]) return 'attestation'
  return manifest && isArtifact(manifest) ? 'artifact' : 'image'
}

function isArtifact(manifest: Manifest): manifest is ImageManifest {
  return (
    manifest.kind === 'manifest' &&
    (manifest.artifactType !== undefined || !isImageConfigType(manifest.config.mediaType))
  )
}

function byDigest(manifests: readonly Manifest[]): ReadonlyMap<Digest, Manifest> {
  return new Map(manifests.map((manifest) => [manifest.digest, manifest]))
}
