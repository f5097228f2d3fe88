import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { digestOf, type Digest } from '@stowage/mirror/oci/digest'
import { blobsOf, descriptorOf, parseManifest, type ImageIndex, type ImageManifest } from '@stowage/mirror/oci/manifest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { ImageGraph } from '../runtime/runtime.ts'
import type { MemorySource } from './memory-source.ts'

export const linuxAmd64: Platform = { os: 'linux', architecture: 'amd64' }

/** An index with one image in it, for tests. */
export interface TestImage {
  readonly root: Descriptor
  readonly graph: ImageGraph
  readonly manifests: ReadonlyMap<Digest, Uint8Array>
  readonly blobs: ReadonlyMap<Digest, Uint8Array>
  /** Bytes of all blobs. */
  readonly size: number
}

/** Makes an image of these layers; the index also lists an image for a platform that nobody has. */
export function createTestImage(layers: readonly Uint8Array[], platform: Platform = linuxAmd64): TestImage {
  const blobs = new Map<Digest, Uint8Array>()
  const add = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const digest = digestOf(bytes)
    blobs.set(digest, bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const layerDescriptors = layers.map((layer) => add(mediaTypes.layerGzip, layer))
  const config = add(
    mediaTypes.config,
    json({ ...platform, rootfs: { diff_ids: layerDescriptors.map((l) => l.digest) } }),
  )
  const manifest = document<ImageManifest>({ mediaType: mediaTypes.manifest, config, layers: layerDescriptors })
  const elsewhere = document<ImageManifest>({ mediaType: mediaTypes.manifest, config, layers: [] })
  const index = document<ImageIndex>({
    mediaType: mediaTypes.index,
    manifests: [
      { ...descriptorOf(elsewhere), platform: { os: 'plan9', architecture: 'mips' } },
      { ...descriptorOf(manifest), platform },
    ],
  })
  const root = descriptorOf(index)
  return {
    root,
    graph: { root, documents: [index, manifest], manifest, blobs: blobsOf(manifest) },
    manifests: new Map([index, manifest].map(({ digest, raw }) => [digest, raw])),
    blobs,
    size: [...blobs.values()].reduce((sum, bytes) => sum + bytes.length, 0),
  }
}

/** Lets a source offer images. */
export function offer(source: MemorySource, ...images: readonly TestImage[]): void {
  for (const image of images) {
    for (const [digest, raw] of image.manifests) source.manifests.set(digest, raw)
    for (const [digest, bytes] of image.blobs) source.blobs.set(digest, bytes)
  }
}

function document<Kind>(content: object): Kind {
  return parseManifest(json({ schemaVersion: 2, ...content })) as Kind
}

function json(content: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(content))
}
