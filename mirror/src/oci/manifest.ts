import * as z from 'zod'
import { descriptorSchema, type Descriptor } from './descriptor.ts'
import { checkDigest, digestOf, type Digest } from './digest.ts'
import { Fault } from './fault.ts'
import { isForeignLayerType, isIndexType, isManifestType, mediaTypes } from './media-type.ts'

/** The largest manifest that we read or take, in bytes; distribution-spec asks registries for at least 4 MiB. */
export const maxManifestSize: number = 4 * 1024 * 1024

const commonFields = {
  schemaVersion: z.literal(2, { message: 'schemaVersion is not 2' }),
  mediaType: z.string().optional(),
  artifactType: z.string().optional(),
  subject: descriptorSchema.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
}

const indexSchema = z.object({ ...commonFields, manifests: z.array(descriptorSchema) })

const imageSchema = z.object({
  ...commonFields,
  config: descriptorSchema,
  layers: z.array(descriptorSchema),
})

interface Parsed {
  /** The bytes as they were pushed: the truth that digests speak of. */
  readonly raw: Uint8Array
  readonly digest: Digest
  readonly mediaType: string
  readonly artifactType?: string | undefined
  readonly subject?: Descriptor | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** An image index or Docker manifest list. */
export interface ImageIndex extends Parsed {
  readonly kind: 'index'
  readonly manifests: readonly Descriptor[]
}

/** An image manifest (or an artifact in its form). */
export interface ImageManifest extends Parsed {
  readonly kind: 'manifest'
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}

export type Manifest = ImageIndex | ImageManifest

export interface ParseManifestOptions {
  /** What the bytes were said to be (Content-Type, a descriptor); the field inside wins nothing: both must agree. */
  readonly mediaType?: string | undefined
  /** What they must hash to. */
  readonly digest?: Digest | undefined
}

/**
 * Reads a manifest or an index and keeps its bytes (image-spec, manifest.md and image-index.md).
 * @throws Fault invalid | corrupt (the digest is not the promised one)
 */
export function parseManifest(raw: Uint8Array, { mediaType, digest }: ParseManifestOptions = {}): Manifest {
  const name = digest ?? mediaType ?? 'manifest'
  if (raw.length > maxManifestSize) {
    throw new Fault('invalid', `${name}: a manifest of ${raw.length} bytes is larger than ${maxManifestSize}`)
  }
  if (digest) checkDigest(raw, digest, 'manifest')
  const json = parseJson(raw, name)
  const common = { raw, digest: digest ?? digestOf(raw), mediaType: agreedType(json, mediaType, name) }
  return isIndexType(common.mediaType)
    ? { kind: 'index', ...check(indexSchema, json, name), ...common }
    : { kind: 'manifest', ...check(imageSchema, json, name), ...common }
}

/** What the bytes say they are and what they came as must not contradict each other; manifests of the first image-spec releases say nothing. */
function agreedType(json: Record<string, unknown>, cameAs: string | undefined, name: string): string {
  const declared = declaredType(cameAs)
  const inside = typeof json['mediaType'] === 'string' ? json['mediaType'] : undefined
  if (declared && inside && declared !== inside) {
    throw new Fault('invalid', `${name}: it came as ${declared} but says that it is ${inside}`)
  }
  const type = inside ?? declared ?? (Array.isArray(json['manifests']) ? mediaTypes.index : mediaTypes.manifest)
  if (!isManifestType(type)) throw new Fault('invalid', `${name}: ${type} is not a kind of manifest that we know`)
  return type
}

/** Servers also say `text/plain` or `application/json`, which tells nothing. */
function declaredType(cameAs = ''): string | undefined {
  const bare = cameAs.replace(/;.*$/s, '').trim().toLowerCase()
  return isManifestType(bare) ? bare : undefined
}

/** The descriptor of a manifest at hand. */
export function descriptorOf({ mediaType, digest, raw }: Pick<Manifest, 'mediaType' | 'digest' | 'raw'>): Descriptor {
  return { mediaType, digest, size: raw.length }
}

/** Everything that an image manifest needs besides itself and that a registry has to have: config, then layers; each once. */
export function blobsOf(manifest: ImageManifest): Descriptor[] {
  const all = [manifest.config, ...manifest.layers.filter((layer) => !isForeignLayerType(layer.mediaType))]
  return [...new Map(all.map((blob) => [blob.digest, blob])).values()]
}

/** What several manifests need together; each once. */
export function uniqueBlobsOf(manifests: readonly Manifest[]): Descriptor[] {
  const blobs = manifests.flatMap((manifest) => (manifest.kind === 'manifest' ? blobsOf(manifest) : []))
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()]
}

/** Everything that a manifest names as a part of itself, children or blobs, whether a registry has to have it or not; each once. */
export function partsOf(manifest: Manifest): Digest[] {
  const parts = manifest.kind === 'index' ? manifest.manifests : [manifest.config, ...manifest.layers]
  return [...new Set(parts.map(({ digest }) => digest))]
}

/** The kind of artifact as the referrers API lists it (distribution-spec, "Listing Referrers"). */
export function artifactTypeOf(manifest: Manifest): string | undefined {
  return manifest.artifactType ?? (manifest.kind === 'manifest' ? manifest.config.mediaType : undefined)
}

function parseJson(raw: Uint8Array, name: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw))
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>
  } catch (cause) {
    throw new Fault('invalid', `${name}: it is not JSON`, { cause })
  }
  throw new Fault('invalid', `${name}: it is not a JSON object`)
}

function check<Schema extends z.ZodType>(schema: Schema, json: unknown, name: string): z.infer<Schema> {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new Fault('invalid', `${name}: ${issue?.path.join('.') || 'manifest'}: ${issue?.message ?? 'is not valid'}`)
}
