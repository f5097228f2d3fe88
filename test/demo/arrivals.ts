import { hasBlob, namesInLayout, verifyLayout, type VerifiedImage } from '../harness/verify-layout.ts'
import type { WishedImage } from './demo-source.ts'

/** Looks into the files of one node for what it was wished to have; what was read whole once is not read again. */
export interface Arrivals {
  /** Whether all of these images are on the node: named in its files, and every byte right. */
  have(wished: readonly WishedImage[]): Promise<boolean>
  /** Whether nothing is left of an image but what others share. */
  isGone(image: WishedImage): Promise<boolean>
  /** Bytes of everything that was found whole so far, each digest once. */
  bytesSeen(): number
}

/**
 * Watches an OCI layout directory, which need not be there yet.
 * @throws Error from `have`, if a name is there and something behind it is not as it must be
 */
export function watchArrivals(directory: string): Arrivals {
  const verified = new Map<string, VerifiedImage>()

  async function verify(image: WishedImage): Promise<void> {
    if (verified.has(image.reference)) return
    verified.set(image.reference, await verifyLayout(directory, image.expected))
  }

  return {
    async have(wished) {
      const names = new Set(await namesInLayout(directory))
      if (!wished.every(({ expected }) => names.has(expected.name))) return false
      for (const image of wished) await verify(image)
      return true
    },
    async isGone({ reference, expected }) {
      if ((await namesInLayout(directory)).includes(expected.name)) return false
      const others = new Set(
        [...verified].flatMap(([other, { sizes }]) => (other === reference ? [] : [...sizes.keys()])),
      )
      const own = [...(verified.get(reference)?.sizes.keys() ?? [])].filter((digest) => !others.has(digest))
      const left = await Promise.all(own.map((digest) => hasBlob(directory, digest)))
      return !left.includes(true)
    },
    bytesSeen() {
      const sizes = new Map([...verified.values()].flatMap((image) => [...image.sizes]))
      return [...sizes.values()].reduce((sum, size) => sum + size, 0)
    },
  }
}
