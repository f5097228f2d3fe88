import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import { parseImageConfig } from '@stowage/mirror/oci/image-config'
import { maxManifestSize, parseManifest } from '@stowage/mirror/oci/manifest'
import type { Platform } from '@stowage/mirror/oci/platform'
import { documentsOf, loadImageGraph } from '../../image-graph.ts'
import { chainIds } from './chain-ids.ts'
import type { Content } from './content.ts'
import type { Labels } from './labels.ts'

/** What must be in containerd for an image to be whole. */
export interface ImageShape {
  /** Manifests and configuration. */
  readonly documents: readonly Digest[]
  readonly layers: readonly Digest[]
  /** Names of the layers' snapshots; undefined for what is no container image. */
  readonly chain: readonly Digest[] | undefined
  readonly config: Digest
}

/** What is in containerd, as one look found it. */
export interface Stock {
  readonly content: ReadonlyMap<Digest, Labels>
  /** Names of committed snapshots. */
  readonly snapshots: ReadonlySet<string>
}

/** Learns what roots consist of; each is read once, as long as somebody asks for it. */
export interface ImageShapes {
  /** Undefined if the documents are not all there, or nothing in it is for this platform. */
  of(root: Descriptor): Promise<ImageShape | undefined>
  /** Forgets all others. */
  retain(roots: ReadonlySet<Digest>): void
}

export function createImageShapes(content: Content, platform: Platform): ImageShapes {
  const known = new Map<Digest, ImageShape>()

  async function read(digest: Digest): Promise<Uint8Array> {
    const raw = await content.read(digest, maxManifestSize)
    if (!raw) throw new Fault('not-found', `${digest} is not in containerd`)
    return raw
  }

  async function load(root: Descriptor): Promise<ImageShape | undefined> {
    try {
      const graph = await loadImageGraph(root, {
        platform,
        read: async ({ digest, mediaType }) => parseManifest(await read(digest), { digest, mediaType }),
        readConfig: async ({ digest }) => parseImageConfig(await read(digest), digest),
      })
      return {
        documents: documentsOf(graph).map(({ digest }) => digest),
        layers: graph.manifest.layers.map(({ digest }) => digest),
        chain: graph.config && chainIds(graph.config.diffIds),
        config: graph.manifest.config.digest,
      }
    } catch (error) {
      if (isFault(error, 'not-found') || isFault(error, 'invalid') || isFault(error, 'corrupt')) return undefined
      throw error
    }
  }

  return {
    async of(root) {
      const shape = known.get(root.digest) ?? (await load(root))
      if (shape) known.set(root.digest, shape)
      return shape
    },
    retain(roots) {
      for (const root of known.keys()) if (!roots.has(root)) known.delete(root)
    },
  }
}

/** Whether all of an image is there: unpacked if it is a container image, and its layers as they came if those are to be kept. */
export function isWhole(shape: ImageShape, stock: Stock, { layers }: { readonly layers: boolean }): boolean {
  const { documents, chain } = shape
  const top = chain?.at(-1)
  if (!documents.every((digest) => stock.content.has(digest))) return false
  if (chain && top !== undefined && !stock.snapshots.has(top)) return false
  return (chain !== undefined && !layers) || shape.layers.every((digest) => stock.content.has(digest))
}
