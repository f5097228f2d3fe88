import type { LayerSpec } from '../../image-maker/layer-spec.ts'
import { randomLayer } from '../../image-maker/small-image.ts'
import { makeImage, type MadeImage } from '../../image-maker/make-image.ts'
import { machinePlatform } from '../machine-platform.ts'
import type { ImageWorks } from '../source-registry.ts'
import { busyboxLayer } from './busybox-layer.ts'

export interface RunnableImageOptions {
  /** What a container of it prints. */
  readonly text: string
  /** Bytes of random layers below all others; those of one seed and size are shared. */
  readonly layerSizes?: readonly number[]
  readonly seed?: string
  /** Layers below these. */
  readonly below?: readonly LayerSpec[]
}

/** A small image that a container can run from. Tests that call it need `requirePart('busybox')`. */
export function runnableImage(
  { layout }: Pick<ImageWorks, 'layout'>,
  { text, layerSizes = [], seed = text, below = [] }: RunnableImageOptions,
): Promise<MadeImage> {
  const { entries, ...packed } = busyboxLayer()
  // One layer with the programs: what the pause image shares with it would stay for its sake.
  const own = { entries: [...entries, { path: 'greeting', from: { content: `${text}\n` } }], ...packed }
  return makeImage({
    layout,
    platform: machinePlatform,
    layers: [...below, ...layerSizes.map((size, place) => randomLayer(size, `${seed}-${place}`)), own],
    config: { Cmd: ['cat', '/greeting'], Env: ['PATH=/bin'] },
  })
}

/** A runnable image that is small until it is unpacked: then it takes so many bytes. */
export function expandingImage(
  works: Pick<ImageWorks, 'layout'>,
  options: RunnableImageOptions,
  size: number,
): Promise<MadeImage> {
  const zeros = {
    entries: [{ path: 'zeros', from: { content: Buffer.alloc(size) } }],
    compression: { gzip: 1 },
  } as const
  return runnableImage(works, { ...options, below: [zeros] })
}
