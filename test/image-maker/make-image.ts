import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { LayerSpec } from './layer-spec.ts'
import { makeLayer, type MadeLayer } from './make-layer.ts'
import type { OciLayout } from './oci-layout.ts'

/** The part of image-spec's config.md that is said to the runtime. */
export interface RunConfig {
  readonly Cmd?: readonly string[]
  readonly Entrypoint?: readonly string[]
  readonly Env?: readonly string[]
  readonly ExposedPorts?: Readonly<Record<string, object>>
  readonly Labels?: Readonly<Record<string, string>>
  /** Name or number, with or without `:group`. Default: root. */
  readonly User?: string
  readonly WorkingDir?: string
}

export interface ImageSpec {
  readonly layout: OciLayout
  /** In index.json; default: none, for images that only an index names. */
  readonly name?: string
  readonly platform: Platform
  /** Bottom first; a layer that was made already is shared. */
  readonly layers: readonly (LayerSpec | MadeLayer)[]
  readonly config?: RunConfig
  /** What each layer brings, for `docker history` and the like. */
  readonly history?: readonly string[]
}

export interface MadeImage {
  /** With its platform, as an index lists it. */
  readonly manifest: Descriptor
  readonly config: Descriptor
  readonly layers: readonly MadeLayer[]
  /** Bytes of manifest, config and each different layer, as stored: what a node without anything must fetch. */
  readonly size: number
}

export interface MadeIndex {
  readonly index: Descriptor
  readonly images: readonly MadeImage[]
}

/** Makes an image of one platform. Layers are packed side by side. */
export async function makeImage({
  layout,
  name,
  platform,
  layers: specs,
  config: run,
  history = [],
}: ImageSpec): Promise<MadeImage> {
  const layers = await Promise.all(specs.map(async (spec) => ('digest' in spec ? spec : makeLayer(layout, spec))))
  const config = await layout.putJson(mediaTypes.config, {
    created: new Date(0).toISOString(),
    ...platform,
    config: run ?? {},
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map((_, at) => ({
      created: new Date(0).toISOString(),
      created_by: history[at] ?? `test layer ${at}`,
    })),
  })
  const stored = await layout.putJson(mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config,
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  })
  const manifest = { ...stored, platform }
  if (name !== undefined) await layout.name(manifest, name)
  return { manifest, config, layers, size: sizeOf([manifest, config, ...layers]) }
}

/** Puts images of several platforms under one index, in the order given. */
export async function makeIndex(
  layout: OciLayout,
  images: readonly MadeImage[],
  { name }: { name?: string } = {},
): Promise<MadeIndex> {
  const index = await layout.putJson(mediaTypes.index, {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: images.map((image) => image.manifest),
  })
  if (name !== undefined) await layout.name(index, name)
  return { index, images }
}

/** Bytes of these descriptors, each digest once. */
export function sizeOf(descriptors: readonly Descriptor[]): number {
  return [...new Map(descriptors.map(({ digest, size }) => [digest, size])).values()].reduce(
    (sum, size) => sum + size,
    0,
  )
}
