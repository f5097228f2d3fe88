import type { Platform } from '@stowage/mirror/oci/platform'
import type { LayerSpec } from './layer-spec.ts'
import { makeImage, type MadeImage, type RunConfig } from './make-image.ts'
import type { OciLayout } from './oci-layout.ts'

export interface SmallImageOptions {
  readonly name?: string
  /** Other seed, other bytes; a layer's bytes depend on seed, place and size, so equal places of two images are shared. */
  readonly seed?: string
  /** Bytes of each layer, bottom first; what is stored is larger by about 2 KiB and 0.1 %. */
  readonly layerSizes?: readonly number[]
  readonly platform?: Platform
  readonly config?: RunConfig
}

/** A layer of one file that does not compress: it is stored as large as it is, made at the speed of the disk. */
export function randomLayer(size: number, seed: string): LayerSpec {
  return { entries: [{ path: `data/${seed}.bin`, from: { random: { size, seed } } }], compression: { gzip: 0 } }
}

/** An image of random layers, linux/amd64 and a few KB unless told otherwise. */
export function smallImage(
  layout: OciLayout,
  {
    name,
    seed = 'small',
    layerSizes = [2_000, 5_000, 3_000],
    platform = { os: 'linux', architecture: 'amd64' },
    config = {},
  }: SmallImageOptions = {},
): Promise<MadeImage> {
  return makeImage({
    layout,
    platform,
    config,
    layers: layerSizes.map((size, place) => randomLayer(size, `${seed}-${place}`)),
    ...(name === undefined ? {} : { name }),
  })
}
