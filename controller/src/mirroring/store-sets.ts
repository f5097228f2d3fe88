import { setRepository } from '@stowage/mirror/edge/set'
import type { ImageIndex } from '@stowage/mirror/oci/manifest'
import type { ContentStore } from '@stowage/mirror/store/content-store'

/** Puts sets where nodes find them. The images that they name lie in other repositories. */
export async function storeSets(content: ContentStore, sets: readonly ImageIndex[]): Promise<void> {
  const repository = content.repository(setRepository)
  for (const set of sets) if (!(await repository.hasManifest(set.digest))) await repository.putManifest(set)
}
