import type { Descriptor } from '../oci/descriptor.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { parsePlatform } from '../oci/platform.ts'
import type { FakeUpstream } from './fake-upstream.ts'

/** The layer of the fake image: 300,000 bytes that differ from their neighbours. */
export const fakeContent: Buffer = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))

/** Puts an image of one layer, tagged `v1`, into a fake registry. */
export function addFakeImage(
  upstream: FakeUpstream,
  repository = 'team/app',
): Record<'config' | 'layer' | 'root', Descriptor> {
  const config = upstream.addBlob('{"os":"linux"}', mediaTypes.config)
  const layer = upstream.addBlob(fakeContent, mediaTypes.layerGzip)
  const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [layer] }
  return { config, layer, root: upstream.addManifest(repository, document, { tag: 'v1' }) }
}

export const fakeLayerSize = 200_000

/** The bytes of a layer; equal seeds give equal ones. */
export function fakeLayer(seed: number): Uint8Array {
  return Uint8Array.from({ length: fakeLayerSize }, (_, index) => (index * seed) % 251)
}

/** Puts images of any shape into one repository of a fake registry. */
export interface FakeImages {
  addLayer(seed: number): Descriptor
  /** Equal names give equal configurations. */
  addImage(name: string, layers: readonly Descriptor[], tag?: string): Descriptor
  /** Tagged `v1` if nothing else is said. */
  addIndex(manifests: readonly object[], tag?: string): Descriptor
}

export function createFakeImages(upstream: FakeUpstream, repository: string): FakeImages {
  return {
    addLayer: (seed) => upstream.addBlob(fakeLayer(seed), mediaTypes.layerGzip),
    addImage(name, layers, tag) {
      const config = upstream.addBlob(JSON.stringify({ name }), mediaTypes.config)
      const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers }
      return upstream.addManifest(repository, document, tag === undefined ? {} : { tag })
    },
    addIndex(manifests, tag = 'v1') {
      const document = { schemaVersion: 2, mediaType: mediaTypes.index, manifests }
      return upstream.addManifest(repository, document, { tag })
    },
  }
}

/** An entry of an index. */
export function forPlatform(platform: string, manifest: Descriptor): Descriptor {
  return { ...manifest, platform: parsePlatform(platform) }
}
