import { randomBytes, randomUUID } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { digestOf, type Digest } from '@stowage/mirror/oci/digest'
import { parseImageConfig } from '@stowage/mirror/oci/image-config'
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
  const rawConfig = json({ ...platform, rootfs: { type: 'layers', diff_ids: layers.map(diffIdOf) } })
  const config = add(mediaTypes.config, rawConfig)
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
    graph: {
      root,
      documents: [index, manifest],
      manifest,
      config: parseImageConfig(rawConfig),
      blobs: blobsOf(manifest),
    },
    manifests: new Map([index, manifest].map(({ digest, raw }) => [digest, raw])),
    blobs,
    size: [...blobs.values()].reduce((sum, bytes) => sum + bytes.length, 0),
  }
}

/** A layer that can be unpacked: a gzipped tar with one file of so many random bytes. */
export async function createTestLayer(size = 2000): Promise<Uint8Array> {
  const tar = pack()
  tar.entry({ name: `${randomUUID()}.bin`, mtime: new Date(0) }, randomBytes(size))
  tar.finalize()
  return gzipSync(Buffer.concat((await Array.fromAsync(tar)) as Uint8Array[]))
}

/** Bytes that are no gzip stream stand for a plain tar. */
function diffIdOf(layer: Uint8Array): Digest {
  return digestOf(layer[0] === 0x1f && layer[1] === 0x8b ? gunzipSync(layer) : layer)
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
