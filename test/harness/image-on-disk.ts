import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { MadeImage } from '../image-maker/make-image.ts'
import type { Agent } from './agent.ts'
import { rootInLayout } from './verify-layout.ts'

/** An image that was made for a test, as a node is to have it. */
export interface ImageInQuestion {
  /** The full name. */
  readonly name: string
  /** What the name leads to. */
  readonly root: string
  /** Of the node's platform. */
  readonly image: MadeImage
}

/** What a node's files say of an image, by their sizes alone. */
export interface ImageOnDisk {
  /** Bytes of config and layers, in the layout or in part files, each blob once. */
  readonly bytes: number
  /** All of it lies in the layout in its right size, and index.json has the name for it. */
  readonly isWhole: boolean
}

/** Looks at the files of a node, whether its agent runs or not; what arrives meanwhile counts. */
export async function imageOnDisk(
  { layout, parts }: Pick<Agent, 'layout' | 'parts'>,
  { name, root, image }: ImageInQuestion,
): Promise<ImageOnDisk> {
  const blobs = [image.config, ...image.layers]
  // Part files first: a blob goes from there into the layout, never back.
  const inParts = await Promise.all(blobs.map(({ digest }) => partBytes(parts, digest)))
  const inLayout = await Promise.all(blobs.map(({ digest }) => sizeOf(blobPath(layout, digest))))
  const isManifestThere = (await sizeOf(blobPath(layout, image.manifest.digest))) === image.manifest.size
  const bytes = blobs.map(({ size }, at) => (inLayout[at] === size ? size : Math.min(size, inParts[at] ?? 0)))
  const areBlobsThere = blobs.every(({ size }, at) => inLayout[at] === size)
  return {
    bytes: bytes.reduce((sum, size) => sum + size, 0),
    isWhole: isManifestThere && areBlobsThere && (await rootInLayout(layout, name)) === root,
  }
}

/** Bytes that a part file has; undefined if there is none. */
export function partBytes(parts: string, digest: string): Promise<number | undefined> {
  return sizeOf(path.join(parts, digest.replace(':', '-')))
}

function blobPath(layout: string, digest: string): string {
  return path.join(layout, 'blobs', ...digest.split(':'))
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
