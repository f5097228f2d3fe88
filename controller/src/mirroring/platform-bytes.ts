import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { blobsOf } from '@stowage/mirror/oci/manifest'
import type { Platform } from '@stowage/mirror/oci/platform'
import { selectChild } from '@stowage/mirror/oci/select-children'
import type { Repository } from '@stowage/mirror/store/content-store'

/** Indexes in indexes are rare, and never deep. */
const deepest = 4

/**
 * The bytes of the blobs that a machine of this platform needs of a mirrored image; null if the image has nothing for it,
 * `any` instead of a platform for an image without an index.
 */
export async function platformBytes(
  repository: Repository,
  root: Pick<Descriptor, 'digest'>,
  platform: Platform,
): Promise<{ readonly bytes: number | null; readonly isForAll: boolean }> {
  let digest = root.digest
  for (let depth = 0; depth < deepest; depth++) {
    const manifest = await repository.manifest(digest)
    if (manifest?.kind === 'manifest') {
      return { bytes: blobsOf(manifest).reduce((total, { size }) => total + size, 0), isForAll: depth === 0 }
    }
    const child = manifest && selectChild(manifest.manifests, platform)
    if (!child) break
    digest = child.digest
  }
  return { bytes: null, isForAll: false }
}
