import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { Agent } from '../agent.ts'
import { eventually } from '../eventually.ts'
import { partBytes, type ImageInQuestion, type ImageOnDisk } from '../image-on-disk.ts'
import type { ContainerdGlance } from './containerd-glance.ts'
import type { Containerd } from './start-containerd.ts'

export interface NodeOnContainerd {
  readonly agent: Pick<Agent, 'parts'>
  readonly containerd: Pick<Containerd, 'cri' | 'files'>
  readonly glance: ContainerdGlance
}

/**
 * What a node has of an image: its bytes in part files, as blobs, or unpacked; whole if CRI lists it under its name and
 * digest. Waits for a containerd that is away: bytes only come, so what was said before must be there afterwards too.
 */
export async function imageInContainerd(node: NodeOnContainerd, image: ImageInQuestion): Promise<ImageOnDisk> {
  const isThere = (): Promise<ImageOnDisk> => look(node, image)
  return eventually(isThere, { what: 'an answer of containerd', withinMs: 60_000 })
}

async function look({ agent, containerd, glance }: NodeOnContainerd, question: ImageInQuestion): Promise<ImageOnDisk> {
  const { config, layers } = question.image
  const blobs = [config, ...layers]
  // In the order in which a layer moves; it never moves back.
  const inParts = await Promise.all(blobs.map(({ digest }) => partBytes(agent.parts, digest)))
  const isBlob = await Promise.all(blobs.map((blob) => isInContent(containerd, blob)))
  const { committed } = await glance.snapshots()
  const unpacked = [false, ...chainOf(layers.map(({ diffId }) => diffId)).map((chain) => committed.includes(chain))]
  const bytes = blobs.map(({ size }, at) => (isBlob[at] || unpacked[at] ? size : Math.min(size, inParts[at] ?? 0)))
  return { bytes: bytes.reduce((sum, size) => sum + size, 0), isWhole: await isListed(containerd, question) }
}

async function isInContent(
  { files }: NodeOnContainerd['containerd'],
  blob: { digest: string; size: number },
): Promise<boolean> {
  const file = path.join(files.blobs, blob.digest.replace('sha256:', ''))
  return stat(file).then(
    ({ size }) => size === blob.size,
    () => false,
  )
}

async function isListed(
  { cri }: NodeOnContainerd['containerd'],
  { name, root, image }: ImageInQuestion,
): Promise<boolean> {
  const listed = (await cri.listImages()).find(({ repoTags }) => repoTags.includes(name))
  return listed?.id === image.config.digest && listed.repoDigests.includes(digestName(name, root))
}

/** As CRI calls it. */
export function digestName(name: string, root: string): string {
  return `${name.replace(/:[^:/]*$/, '')}@${root}`
}

/** Names of the snapshots, by image-spec, config.md, "Layer ChainID". */
function chainOf(diffIds: readonly string[]): string[] {
  const chain: string[] = []
  for (const diffId of diffIds) {
    const parent = chain.at(-1)
    chain.push(
      parent === undefined ? diffId : `sha256:${createHash('sha256').update(`${parent} ${diffId}`).digest('hex')}`,
    )
  }
  return chain
}
