import type { Descriptor } from '../../oci/descriptor.ts'
import type { ImageIndex, ImageManifest, Manifest } from '../../oci/manifest.ts'
import type { Repository } from '../content-store.ts'
import { digestOf } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { mediaTypes } from '../../oci/media-type.ts'
import { inPieces } from '../stored-bytes.conformance.ts'

export function blobOf(content: Buffer | string, mediaType: string = mediaTypes.layer): Descriptor {
  return { mediaType, digest: digestOf(content), size: Buffer.byteLength(content) }
}

/** A manifest with a config and two layers. */
export function imageOf(seed: string, more: Partial<Pick<Manifest, 'subject' | 'annotations' | 'artifactType'>> = {}) {
  const [config, ...layers] = contentsOf(seed).map((content, n) =>
    blobOf(content, n === 0 ? mediaTypes.config : mediaTypes.layer),
  )
  const json = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers, ...more }
  return parseManifest(Buffer.from(JSON.stringify(json))) as ImageManifest
}

export function indexOf(manifests: readonly Descriptor[]): ImageIndex {
  const json = { schemaVersion: 2, mediaType: mediaTypes.index, manifests }
  return parseManifest(Buffer.from(JSON.stringify(json))) as ImageIndex
}

/** Stores one blob through an ingest, unless it is there. */
export async function store(repository: Repository, blob: Descriptor, content: Buffer | string): Promise<void> {
  await using ingest = await repository.ingest(blob)
  if (!ingest) return
  await ingest.write(inPieces(Buffer.from(content).subarray(ingest.offset), 4096))
  await ingest.commit()
}

/** Stores an image whole, as a copy does. */
export async function pushImage(repository: Repository, seed: string, tags: readonly string[]): Promise<ImageManifest> {
  for (const content of contentsOf(seed)) await store(repository, blobOf(content), content)
  const image = imageOf(seed)
  await repository.putManifest(image, { tags })
  return image
}

function contentsOf(seed: string): string[] {
  return [`{"config":${JSON.stringify(seed)}}`, `layer one of ${seed}`, `layer two of ${seed}`]
}
