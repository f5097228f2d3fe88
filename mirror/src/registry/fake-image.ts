import type { Descriptor } from '../oci/descriptor.ts'
import { mediaTypes } from '../oci/media-type.ts'
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
