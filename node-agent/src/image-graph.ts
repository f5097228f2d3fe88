import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { Fault } from '@stowage/mirror/oci/fault'
import { blobsOf, type ImageIndex, type Manifest } from '@stowage/mirror/oci/manifest'
import { formatPlatform, uniquePlatforms, type Platform } from '@stowage/mirror/oci/platform'
import { selectChild } from '@stowage/mirror/oci/select-children'
import type { ImageGraph } from './runtime/runtime.ts'

/** An index in an index is rare, and one in that has not been seen. */
const deepest = 4

export interface LoadImageGraphOptions {
  /** What the machine runs. */
  readonly platform: Platform
  /** Reads a manifest or index, checked against its digest. */
  readonly read: (document: Descriptor) => Promise<Manifest>
}

/**
 * Follows an image from its root to the manifest that this platform runs.
 * @throws Fault invalid if nothing in it is for this platform, and whatever `read` throws
 */
export async function loadImageGraph(root: Descriptor, { platform, read }: LoadImageGraphOptions): Promise<ImageGraph> {
  const documents: Manifest[] = []
  for (let next = root; documents.length < deepest;) {
    const document = await read(next)
    documents.push(document)
    if (document.kind === 'manifest') return { root, documents, manifest: document, blobs: blobsOf(document) }
    next = childFor(platform, document)
  }
  throw new Fault('invalid', `${root.digest}: indexes are nested more than ${deepest} deep`)
}

function childFor(platform: Platform, { manifests, digest }: ImageIndex): Descriptor {
  const child = selectChild(manifests, platform)
  if (child) return child
  const offered = uniquePlatforms(manifests.flatMap((entry) => entry.platform ?? []))
    .filter(({ os }) => os !== 'unknown')
    .map(formatPlatform)
  throw new Fault(
    'invalid',
    `no manifest for ${formatPlatform(platform)}; there are ${offered.join(', ') || 'none for any platform'}`,
    { details: { index: digest } },
  )
}
