import type { WishedImage } from './demo-source.ts'

/** Looks into the runtime of one node for what it was wished to have; what was read whole once is not read again. */
export interface Arrivals {
  /** All names that the runtime has for images. */
  names(): Promise<string[]>
  /**
   * Whether all of these images are on the node: named, and every byte right.
   * @throws Error if a name is there and something behind it is not as it must be
   */
  have(wished: readonly WishedImage[]): Promise<boolean>
  /** Whether nothing is left of an image but what others share. */
  isGone(image: WishedImage): Promise<boolean>
  /** What lies there and belongs to no image that was found whole. */
  strays(): Promise<string[]>
  /** Bytes of everything that was found whole so far, as registries have it, each digest once. */
  bytesSeen(): number
}
