import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { hasBlob, namesInLayout, verifyLayout, type VerifiedImage } from '../../harness/verify-layout.ts'
import type { Arrivals } from '../arrivals.ts'
import type { WishedImage } from '../demo-source.ts'
import type { NodeRuntime } from './node-runtime.ts'

/** A node with an OCI layout, a directory which need not be there yet. */
export function layoutNode(directory: string): NodeRuntime {
  return { place: `layout:${directory}`, watch: () => watchLayout(directory) }
}

/** Reads index.json, and every byte of what it names. */
function watchLayout(directory: string): Arrivals {
  const verified = new Map<string, VerifiedImage>()
  const sizes = (): Map<string, number> => new Map([...verified.values()].flatMap((image) => [...image.sizes]))

  async function verify(image: WishedImage): Promise<void> {
    if (verified.has(image.reference)) return
    verified.set(image.reference, await verifyLayout(directory, image.expected))
  }

  return {
    names: () => namesInLayout(directory),

    async have(wished) {
      const names = new Set(await namesInLayout(directory))
      if (!wished.every(({ expected }) => names.has(expected.name))) return false
      for (const image of wished) await verify(image)
      return true
    },

    async isGone({ reference, expected }) {
      if ((await namesInLayout(directory)).includes(expected.name)) return false
      const others = new Set(
        [...verified].flatMap(([other, image]) => (other === reference ? [] : [...image.sizes.keys()])),
      )
      const own = [...(verified.get(reference)?.sizes.keys() ?? [])].filter((digest) => !others.has(digest))
      const left = await Promise.all(own.map((digest) => hasBlob(directory, digest)))
      return !left.includes(true)
    },

    async strays() {
      const known = new Set([...sizes().keys()].map((digest) => digest.replace('sha256:', '')))
      return (await readdir(path.join(directory, 'blobs/sha256'))).filter((name) => !known.has(name))
    },

    bytesSeen: () => [...sizes().values()].reduce((sum, size) => sum + size, 0),
  }
}
