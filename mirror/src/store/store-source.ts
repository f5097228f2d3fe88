import type { ContentSource } from '../content.ts'
import { isDigest } from '../oci/digest.ts'
import { Fault } from '../oci/fault.ts'
import { isManifestType } from '../oci/media-type.ts'
import { listReferrers } from '../registry/list-referrers.ts'
import type { ContentStore, Repository } from './content-store.ts'

/** A content store as a source like any other. What is read of it stays as long as it would have without. */
export function createStoreSource(store: Pick<ContentStore, 'repository'>): Required<ContentSource> {
  const source: Required<ContentSource> = {
    async resolve(name, reference) {
      const repository = store.repository(name)
      const found = await (isDigest(reference) ? repository.stat(reference) : repository.tag(reference))
      return found && isManifestType(found.mediaType) ? found : absent(name, reference)
    },

    async manifest(repository, reference) {
      const found = await store.repository(repository).manifest(reference)
      return found ?? (await lost(store.repository(repository), reference))
    },

    async blob(repository, { digest, size }, { offset, length } = {}) {
      const stored = await store.repository(repository).openBlob(digest, { offset, length })
      if (!stored) return await lost(store.repository(repository), digest)
      if (stored.info.size === size) return stored.bytes
      await stored.bytes[Symbol.asyncIterator]().return?.()
      throw new Fault('corrupt', `${repository}: ${digest} has ${stored.info.size} bytes in the store, not ${size}`)
    },

    referrers: (repository, subject, options) =>
      listReferrers(
        {
          manifest: source.manifest,
          resolve: source.resolve,
          page: async () => ({ manifests: await store.repository(repository).referrers(subject) }),
        },
        { repository, subject, ...options },
      ),
  }
  return source
}

/** What is named, but not there, was damaged or lost: whoever asks is not to look for a slip of the pen. */
async function lost(repository: Repository, reference: string): Promise<never> {
  const isNamed = (await (isDigest(reference) ? repository.stat(reference) : repository.tag(reference))) !== undefined
  if (!isNamed) return absent(repository.name, reference)
  throw new Fault('not-found', `${repository.name}: the bytes of ${reference} are gone or were damaged; bring it again`)
}

function absent(repository: string, reference: string): never {
  throw new Fault('not-found', `${repository}: there is no ${reference}`)
}
