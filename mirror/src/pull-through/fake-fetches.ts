import PQueue from 'p-queue'
import type { ContentStore } from '../store/content-store.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { silentLog } from '../testing/silent-log.ts'
import { createBlobFetches, type BlobFetch, type BlobFetches } from './blob-fetches.ts'
import type { FedSource } from './fed-source.ts'

export const content: Buffer = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 31) % 253))
const atOnce = { pause: async () => undefined }

/** Fetches of a mirror into a store. For tests. */
export interface Setting {
  readonly store: ContentStore
  readonly fetches: BlobFetches
  fetch(source: FedSource, repository?: string): BlobFetch
}

export function setting(store: ContentStore = createContentStore(createMemoryStore())): Setting & Disposable {
  const over = new AbortController()
  const fetches = createBlobFetches({ log: silentLog, signal: over.signal, retry: atOnce })
  const queue = new PQueue()
  return {
    store,
    fetches,
    fetch: (source, repository = 'hub/app') =>
      fetches.fetch(source.descriptor, {
        source,
        sourceRepository: repository.slice(repository.indexOf('/') + 1),
        repository: store.repository(repository),
        queue,
      }),
    [Symbol.dispose]: () => over.abort(new Error('the mirror ends')),
  }
}

/** Copies of what comes, up to about so many bytes. */
export async function take(bytes: AsyncIterable<Uint8Array>, count = Infinity): Promise<Buffer> {
  const taken: Buffer[] = []
  let size = 0
  for await (const chunk of bytes) {
    taken.push(Buffer.from(chunk))
    size += chunk.length
    if (size >= count) break
  }
  return Buffer.concat(taken)
}
