import { digestOf, type Digest } from '../../oci/digest.ts'
import { parseManifest, type Manifest } from '../../oci/manifest.ts'
import { mediaTypes } from '../../oci/media-type.ts'
import { referrersTagOf } from '../../registry/list-referrers.ts'

// The few things that clients of the model push. For tests.

export const names = ['a', 'team/b', 'team/b/c']
export const contents = Array.from({ length: 9 }, (_, n) => Buffer.from(`content ${n} `.repeat(n + 1)))
export const blobs = contents.map((content) => ({
  mediaType: mediaTypes.layer,
  digest: digestOf(content),
  size: content.length,
}))

export const images = Array.from({ length: 6 }, (_, n) =>
  manifestOf({
    mediaType: mediaTypes.manifest,
    config: blobs[n],
    layers: [blobs[(n + 1) % blobs.length], blobs[(n + 3) % blobs.length]],
  }),
)

/** As cosign finds it. */
export function signatureTagOf(digest: Digest): string {
  return `${referrersTagOf(digest)}.sig`
}

export function manifestOf(json: object): Manifest {
  return parseManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, ...json })))
}

export async function* bytesOf(content: Buffer): AsyncGenerator<Uint8Array> {
  yield content
}
