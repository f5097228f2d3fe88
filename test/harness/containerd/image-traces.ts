import { createHash } from 'node:crypto'
import type { MadeImage } from '../../image-maker/make-image.ts'
import { readContents } from './containerd-contents.ts'
import type { Containerd } from './start-containerd.ts'

/** An image that was made for a test, as it may lie in containerd. */
export interface ImageInContainerd {
  /** What its names lead to. */
  readonly root: string
  readonly image: MadeImage
}

/**
 * All that containerd and CRI still have of an image: names, digests of names, its ID, blobs, snapshots. What it shares with
 * others counts, too: an image to be asked about is best made with a lowest layer of its own.
 */
export async function tracesOf(containerd: Containerd, { root, image }: ImageInContainerd): Promise<string[]> {
  const { images, content, snapshots } = await readContents(containerd)
  const listed = await containerd.cri.listImages()
  const blobs = new Set([root, ...[image.manifest, image.config, ...image.layers].map(({ digest }) => digest)])
  const chain = new Set(chainOf(image))
  const inCri = listed.filter(
    ({ id, repoDigests }) => id === image.config.digest || repoDigests.some((name) => name.endsWith(`@${root}`)),
  )
  return [
    ...Object.entries(images).flatMap(([name, { digest }]) => (digest === root ? [`name ${name}`] : [])),
    ...inCri.map(({ id, repoTags, repoDigests }) => `CRI's ${id}: ${[...repoTags, ...repoDigests].join(', ')}`),
    ...Object.keys(content).flatMap((digest) => (blobs.has(digest) ? [`blob ${digest}`] : [])),
    ...Object.keys(snapshots).flatMap((key) => (chain.has(key) ? [`snapshot ${key}`] : [])),
  ]
}

/** What the snapshots of an image's layers are called (image-spec, config.md, "Layer ChainID"), the lowest first. */
export function chainOf({ layers }: Pick<MadeImage, 'layers'>): string[] {
  const chain: string[] = []
  for (const { diffId } of layers) {
    const below = chain.at(-1)
    const both = createHash('sha256').update(`${below} ${diffId}`).digest('hex')
    chain.push(below === undefined ? diffId : `sha256:${both}`)
  }
  return chain
}
