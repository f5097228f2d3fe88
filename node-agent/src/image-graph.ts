import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { isImageConfigType, type ImageConfig } from '@stowage/mirror/oci/image-config'
import {
  blobsOf,
  maxManifestSize,
  type ImageIndex,
  type ImageManifest,
  type Manifest,
} from '@stowage/mirror/oci/manifest'
import { formatPlatform, platformDistance, uniquePlatforms, type Platform } from '@stowage/mirror/oci/platform'
import { selectChild } from '@stowage/mirror/oci/select-children'
import type { ImageGraph } from './runtime/runtime.ts'

/** An index in an index is rare, and one in that has not been seen. */
const deepest = 4

export interface LoadImageGraphOptions {
  /** What the machine runs. */
  readonly platform: Platform
  /** Reads a manifest or index, checked against its digest. */
  readonly read: (document: Descriptor) => Promise<Manifest>
  /** Reads a configuration, checked likewise; left out by those who need none. */
  readonly readConfig?: (config: Descriptor) => Promise<ImageConfig>
}

/**
 * Follows an image from its root to the manifest that this platform runs, and to its configuration.
 * @throws Fault invalid if nothing in it is for this platform, and whatever `read` throws
 */
export async function loadImageGraph(root: Descriptor, options: LoadImageGraphOptions): Promise<ImageGraph> {
  const documents: Manifest[] = []
  for (let next = root; documents.length < deepest;) {
    const document = await options.read(next)
    documents.push(document)
    if (document.kind === 'manifest') {
      const config = await configOf(document, options)
      if (config && documents.length === 1) refuseOtherPlatform(config, options.platform)
      return { root, documents, manifest: document, config, blobs: blobsOf(document) }
    }
    next = childFor(options.platform, document)
  }
  throw new Fault('invalid', `${root.digest}: indexes are nested more than ${deepest} deep`)
}

async function configOf(
  { config }: ImageManifest,
  { readConfig }: LoadImageGraphOptions,
): Promise<ImageConfig | undefined> {
  return isImageConfigType(config.mediaType) && config.size <= maxManifestSize ? await readConfig?.(config) : undefined
}

/** An image without an index says only in its configuration what it runs on. */
function refuseOtherPlatform({ platform: offered }: ImageConfig, wanted: Platform): void {
  if (!offered || platformDistance(wanted, offered) !== undefined) return
  throw new Fault('invalid', `the image is for ${formatPlatform(offered)}, and this node is ${formatPlatform(wanted)}`)
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

/** The small parts of an image, which are read before its layers: manifests, and its configuration. */
export function documentsOf({
  documents,
  config,
}: ImageGraph): { readonly digest: Digest; readonly raw: Uint8Array }[] {
  return config ? [...documents, config] : [...documents]
}
