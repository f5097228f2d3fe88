import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import { parseImageConfig, type ImageConfig } from '@stowage/mirror/oci/image-config'
import { descriptorOf, parseManifest, type Manifest } from '@stowage/mirror/oci/manifest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import { loadImageGraph } from './image-graph.ts'
import { createTestImage, linuxAmd64 } from './testing/test-image.ts'

const image = createTestImage([randomBytes(10)])

function indexOf(manifests: readonly Descriptor[]): Manifest {
  const json = { schemaVersion: 2, mediaType: mediaTypes.index, manifests }
  return parseManifest(Buffer.from(JSON.stringify(json)))
}

function load(root: Manifest, others: readonly Manifest[] = [], platform = linuxAmd64) {
  const documents = new Map<Digest, Manifest>([root, ...image.graph.documents, ...others].map((d) => [d.digest, d]))
  const read = async ({ digest }: Descriptor): Promise<Manifest> => {
    const document = documents.get(digest)
    if (!document) throw new Error(`not to be read: ${digest}`)
    return document
  }
  const readConfig = async ({ digest }: Descriptor): Promise<ImageConfig> => {
    const raw = image.blobs.get(digest)
    if (!raw) throw new Error(`not to be read: ${digest}`)
    return parseImageConfig(raw, digest)
  }
  return loadImageGraph(descriptorOf(root), { platform, read, readConfig })
}

describe('an image as a platform sees it', () => {
  it('is the manifest itself, where that is the root', async () => {
    const graph = await load(image.graph.manifest)
    expect(graph).toMatchObject({ root: { digest: image.graph.manifest.digest }, documents: [image.graph.manifest] })
  })

  it('is refused where its configuration names another platform and no index speaks of it', async () => {
    const arm = { os: 'linux', architecture: 'arm64' }
    await expect(load(image.graph.manifest, [], arm)).rejects.toMatchObject({
      code: 'invalid',
      message: 'the image is for linux/amd64, and this node is linux/arm64',
    })
  })

  it('is found in an index, and no other platform’s manifest is read', async () => {
    const [index] = image.graph.documents
    if (!index) throw new Error('an image has documents')
    expect(await load(index)).toEqual(image.graph)
  })

  it('is found in an index in an index', async () => {
    const outer = indexOf([image.root])
    const graph = await load(outer)
    expect(graph.documents.map(({ digest }) => digest)).toEqual([
      outer.digest,
      ...image.graph.documents.map(({ digest }) => digest),
    ])
  })

  it('is not looked for without end', async () => {
    const nested = [indexOf([image.root])]
    for (let depth = 0; depth < 4; depth++) nested.unshift(indexOf([descriptorOf(nested[0] as Manifest)]))
    await expect(load(nested[0] as Manifest, nested)).rejects.toThrow('nested more than 4 deep')
  })

  it('is said not to be there, with what is', async () => {
    const manifests = ['arm64', 's390x'].map((architecture) => ({
      ...image.root,
      mediaType: mediaTypes.manifest,
      platform: { os: 'linux', architecture },
    }))
    await expect(load(indexOf(manifests))).rejects.toMatchObject({
      code: 'invalid',
      message: 'no manifest for linux/amd64; there are linux/arm64, linux/s390x',
    })
    await expect(load(indexOf([]))).rejects.toThrow('there are none for any platform')
  })
})
