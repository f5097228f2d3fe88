import type { ContentStore } from '../store/content-store.ts'
import { createStoreSource } from '../store/store-source.ts'
import { Fault } from '../oci/fault.ts'
import type { ImagePlace } from './image-place.ts'

export interface StoreImagesOptions {
  /** For messages. */
  readonly name: string
  readonly keepers?: ImagePlace['keepers']
}

/** The images of a content store. */
export function createStoreImages(store: ContentStore, { name, keepers }: StoreImagesOptions): ImagePlace {
  return {
    name,
    ...(keepers && { keepers }),
    source: createStoreSource(store),
    repositories: async function* () {
      yield* await store.repositories()
    },

    async *tags(repository) {
      const tags = await store.repository(repository).tags()
      if (tags.length === 0 && !(await isThere(repository))) {
        throw new Fault('not-found', `${name}: there is no repository ${repository}`)
      }
      for (const tag of tags) yield tag.name
    },

    manifests: (repository) => store.repository(repository).manifests(),
    hasBlob: (repository, blob) => store.repository(repository).holdsBlob(blob),
    deleteTag: (repository, tag) => store.repository(repository).deleteTag(tag),
    deleteManifest: (repository, digest) => store.repository(repository).deleteManifest(digest),
  }

  async function isThere(repository: string): Promise<boolean> {
    for await (const _ of store.repository(repository).manifests()) return true
    return false
  }
}
