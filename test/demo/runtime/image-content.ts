import { createHash } from 'node:crypto'
import type { ExpectedImage } from '../../harness/verify-layout.ts'
import { readLayer, stackLayers, type LayerFiles, type UnpackedFiles } from './unpacked-files.ts'

/** All that an image is, from the digest of its root down to the files that a container sees. */
export interface ImageContent {
  /** Digest of the configuration, which is the image's ID in CRI. */
  readonly config: string
  /** Indexes, manifest and configuration, by digest. */
  readonly documents: ReadonlyMap<string, Buffer>
  /** What the snapshots of its layers are called, the lowest first (image-spec, config.md, "Layer ChainID"). */
  readonly chain: readonly string[]
  readonly files: UnpackedFiles
  /** Bytes of documents and layers as registries have them, by digest. */
  readonly sizes: ReadonlyMap<string, number>
}

/** Gives the bytes that something has for a digest of an image. They are not trusted. */
export type ReadBytes = (image: ExpectedImage, kind: BytesKind, digest: string) => AsyncIterable<Uint8Array>
type BytesKind = 'manifests' | 'blobs'

interface Entry {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: { readonly os: string; readonly architecture: string }
}

/** Of the fields of an index, a manifest and a configuration those that lead on. */
interface Document {
  readonly manifests?: readonly Entry[]
  readonly config?: Entry
  readonly layers?: readonly Entry[]
  readonly rootfs?: { readonly diff_ids: readonly string[] }
}

/** Reads images; a layer that several have is read once. */
export interface ContentReader {
  /** @throws Error if bytes are not those of their digest, and whatever the source of the bytes throws */
  read(image: ExpectedImage): Promise<ImageContent>
}

/** Shares no code with the agent, nor with the mirror: it is there to prove them. */
export function createContentReader(readBytes: ReadBytes): ContentReader {
  const layers = new Map<string, LayerFiles>()

  async function layerOf({ digest, mediaType }: Entry, image: ExpectedImage): Promise<LayerFiles> {
    const known = layers.get(digest) ?? (await readLayer(checked(readBytes(image, 'blobs', digest), digest), mediaType))
    layers.set(digest, known)
    return known
  }

  async function readDocument(kind: BytesKind, digest: string, search: Search): Promise<Document> {
    const raw = Buffer.concat(await Array.fromAsync(checked(readBytes(search.expected, kind, digest), digest)))
    search.documents.set(digest, raw)
    search.sizes.set(digest, raw.length)
    return JSON.parse(raw.toString()) as Document
  }

  async function findManifest(digest: string, search: Search): Promise<Document> {
    const document = await readDocument('manifests', digest, search)
    if (!document.manifests) return document
    const { name, os, architecture } = search.expected
    // Of several variants a node takes the one that suits it; so far the first one suits all who run the demo.
    const child = document.manifests.find(
      (one) => one.platform?.os === os && one.platform.architecture === architecture,
    )
    if (!child) throw new Error(`${name}: nothing for ${os}/${architecture} under index ${digest}`)
    return findManifest(child.digest, search)
  }

  return {
    async read(expected) {
      const search: Search = { expected, documents: new Map(), sizes: new Map() }
      const { config, layers: entries = [] } = await findManifest(expected.root, search)
      if (!config) throw new Error(`${expected.name}: the manifest names no configuration`)
      const { rootfs } = await readDocument('blobs', config.digest, search)
      const unpacked: LayerFiles[] = []
      for (const entry of entries) unpacked.push(await layerOf(entry, expected))
      const { documents, sizes } = search
      for (const { digest, size } of entries) sizes.set(digest, size)
      const chain = chainOf(rootfs?.diff_ids ?? [])
      return { config: config.digest, documents, chain, files: stackLayers(unpacked), sizes }
    },
  }
}

interface Search {
  readonly expected: ExpectedImage
  readonly documents: Map<string, Buffer>
  readonly sizes: Map<string, number>
}

async function* checked(bytes: AsyncIterable<Uint8Array>, digest: string): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  for await (const chunk of bytes) {
    hash.update(chunk)
    yield chunk
  }
  const actual = `sha256:${hash.digest('hex')}`
  if (actual !== digest) throw new Error(`bytes for ${digest} hash to ${actual}`)
}

function chainOf(diffIds: readonly string[]): string[] {
  const chain: string[] = []
  for (const diffId of diffIds) {
    const below = chain.at(-1)
    const both = createHash('sha256').update(`${below} ${diffId}`).digest('hex')
    chain.push(below === undefined ? diffId : `sha256:${both}`)
  }
  return chain
}
