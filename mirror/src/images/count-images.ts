import PQueue from 'p-queue'
import type { FetchOptions } from '../content.ts'
import { createPace } from '../store/gc/pace.ts'
import type { CompletenessState } from './completeness.ts'
import type { ImagePlace } from './image-place.ts'
import { listImages } from './list-images.ts'

/** How many tags mean images of each kind of completeness. */
export type ImageCount = Readonly<Record<CompletenessState, number>>

export interface CountImagesOptions extends FetchOptions {
  /** How long it rests, as a multiple of how long it works. */
  readonly restRatio: number
}

/**
 * Looks at all images with a tag, one thing at a time.
 * @throws Fault as the place does
 */
export async function countImages(place: ImagePlace, { restRatio, signal }: CountImagesOptions): Promise<ImageCount> {
  const pace = createPace({ restRatio, signal })
  const count = { whole: 0, sparse: 0, broken: 0 }
  const queue = new PQueue({ concurrency: 1 })
  for await (const { completeness } of listImages(place, { queue, signal })) {
    count[completeness]++
    await pace()
  }
  return count
}
