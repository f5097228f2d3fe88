import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import type { OciLayout } from './oci-layout.ts'

/** Makes a small document that is no image, such as a signature, with what it speaks of as its subject if that is given. */
export async function putArtifact(layout: OciLayout, type: string, subject?: Descriptor): Promise<Descriptor> {
  const layer = await layout.put(type, [Buffer.from(`{"of":"${subject?.digest ?? 'nothing'}"}`)])
  const config = await layout.put('application/vnd.oci.empty.v1+json', [Buffer.from('{}')])
  const { mediaType, digest, size } = subject ?? layer
  return layout.putJson(mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: type,
    config,
    layers: [layer],
    ...(subject ? { subject: { mediaType, digest, size } } : {}),
  })
}
