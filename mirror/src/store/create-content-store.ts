import type { ContentStore } from './content-store.ts'
import type { ObjectStore } from './object-store.ts'
import { Fault, isFault } from '../oci/fault.ts'
import { isRepository } from '../oci/reference.ts'
import { createBlobs } from './content/blobs.ts'
import { blobKey, isIngestId, linkKey, splitRepositoryKey } from './content/content-keys.ts'
import { createManifests } from './content/manifests.ts'
import { createRepository } from './content/repository.ts'
import { createUploadDigests, type UploadDigests } from './content/upload-digests.ts'
import { createHolds } from './holds.ts'
import { createLocks } from './locks.ts'
import { createIntegrity, type Integrity } from './scrub/integrity.ts'

export interface ContentStoreOptions {
  /** Epoch milliseconds. */
  readonly now?: () => number
  /** Shared by all that write to the same object store; its own by default. */
  readonly digests?: UploadDigests
  /** Shared by all that read from the same object store; its own by default. */
  readonly integrity?: Integrity
}

/**
 * Content and the links to it, over any object store. Bytes are shared by all repositories; `Repository.ingest` links bytes
 * that are there already and is therefore only for those who know from a manifest what belongs to a repository. Clients
 * prove that they have the bytes: `openUpload` and `commitUpload`, or `mount` from a repository that they may read.
 * There is one for an object store of this process: who fetches the same blob twice waits for himself in it. Over one in
 * another process there may be several, here and elsewhere; what races is decided there.
 */
export function createContentStore(
  objects: ObjectStore,
  { now = Date.now, digests = createUploadDigests(), ...options }: ContentStoreOptions = {},
): ContentStore {
  const integrity = options.integrity ?? createIntegrity(objects, { now })
  const blobs = createBlobs({ objects, digests, integrity, locks: createLocks(), now })
  const shared = {
    objects,
    blobs,
    manifests: createManifests(objects, integrity),
    holds: createHolds(objects, { now }),
    now,
  }

  return {
    repository(name) {
      if (!isRepository(name)) throw new Fault('invalid', `"${name.slice(0, 300)}" is not a repository name`)
      return createRepository(name, shared)
    },

    async repositories({ after = '', limit = Infinity } = {}) {
      const names = (await Array.fromAsync(repositoriesIn(objects))).filter((name) => name > after)
      return names.toSorted().slice(0, limit)
    },

    async *holders(digest) {
      if (!(await objects.head(blobKey(digest)))) return
      for await (const name of repositoriesIn(objects)) {
        if (await objects.head(linkKey(name, digest))) yield name
      }
    },

    async openUpload(id, options) {
      if (isIngestId(id)) throw new Fault('invalid', `"${id}" is not the upload of a client`)
      return digests.watch(await objects.openUpload(id, options))
    },

    async expireUploads(olderThanMs, { signal, isOnlyPushes = false } = {}) {
      let dropped = 0
      for await (const { id, changedAt } of objects.listUploads()) {
        signal?.throwIfAborted()
        if (isOnlyPushes && isIngestId(id)) continue
        if (now() - changedAt > olderThanMs && (await discard(id))) dropped++
      }
      return dropped
    },
  }

  async function discard(id: string): Promise<boolean> {
    try {
      await digests.watch(await objects.openUpload(id, { create: false })).discard()
      return true
    } catch (error) {
      // Somebody writes to it, or was faster.
      if (isFault(error, 'conflict') || isFault(error, 'not-found')) return false
      throw error
    }
  }
}

/** Looks at one key per repository and jumps behind all the others that begin with `NAME/_`. */
async function* repositoriesIn(objects: ObjectStore): AsyncGenerator<string> {
  const prefix = 'repositories/'
  for (let after = prefix; ;) {
    const first = await firstOf(objects.list(prefix, { after }))
    const found = first && splitRepositoryKey(first.key)
    if (!found) return
    // Links come first of all that a repository has; without one it contains nothing.
    if (found.part === 'links') yield found.repository
    after = `${prefix}${found.repository}/_~`
  }
}

async function firstOf<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item
  return undefined
}
