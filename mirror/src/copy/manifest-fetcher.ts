import type { Referrer } from '../content.ts'
import type { CopyImageOptions } from '../copy.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { isDigest } from '../oci/digest.ts'
import { Fault, isFault } from '../oci/fault.ts'
import type { Manifest } from '../oci/manifest.ts'
import { mapInQueue, type InQueueOptions } from './map-in-queue.ts'
import { readReferrers, type ReferrerGraph } from './read-referrers.ts'
import { readImageGraph, type ImageGraph } from './read-image-graph.ts'
import { retry } from './retry.ts'

/** Reads what one copy needs to know of its source, before the first blob. */
export interface ManifestFetcher {
  /** The graph of the image that the reference means. */
  image(): Promise<ImageGraph>
  /** What speaks of these manifests; nothing if the source does not know. */
  referrersOf(subjects: readonly Manifest[]): Promise<ReferrerGraph>
}

type FetcherOptions = Pick<
  CopyImageOptions,
  'source' | 'sourceRepository' | 'reference' | 'platforms' | 'isSourceSparse' | 'known' | 'queue' | 'retry' | 'signal'
>

export function createManifestFetcher(options: FetcherOptions): ManifestFetcher {
  const { source, sourceRepository, reference, platforms, known, isSourceSparse = false } = options
  const what = `${sourceRepository}${isDigest(reference) ? '@' : ':'}${reference}`
  // Small, and others wait for them: before the blobs of other copies.
  const inQueue: InQueueOptions = { queue: options.queue, signal: options.signal, priority: 1 }

  async function fetch(name: string, signal: AbortSignal | undefined): Promise<Manifest> {
    const atHand = isDigest(name) ? await known?.(name) : undefined
    const ask = (): Promise<Manifest> => source.manifest(sourceRepository, name, { signal })
    return atHand ?? (await retry(ask, { ...options.retry, signal }))
  }

  function fetchAll(descriptors: readonly Descriptor[], mayBeAbsent: boolean): Promise<(Manifest | undefined)[]> {
    const fetchOne = async (descriptor: Descriptor, signal: AbortSignal): Promise<Manifest | undefined> => {
      try {
        return ofSize(descriptor, await fetch(descriptor.digest, signal))
      } catch (error) {
        if (mayBeAbsent && isFault(error, 'not-found')) return undefined
        throw error
      }
    }
    return mapInQueue(descriptors, fetchOne, inQueue)
  }

  async function listOne({ digest }: Manifest, signal: AbortSignal): Promise<readonly Referrer[]> {
    const ask = async (): Promise<readonly Referrer[]> =>
      (await source.referrers?.(sourceRepository, digest, { signal })) ?? []
    return await retry(ask, { ...options.retry, signal })
  }

  /** Lists can name what has been deleted since. */
  async function graphsOf(descriptors: readonly Descriptor[]): Promise<(readonly Manifest[])[]> {
    const graphs: (readonly Manifest[])[] = []
    for (const root of await fetchAll(descriptors, true)) {
      if (!root) continue
      const graph = await readImageGraph({ root, what, fetchAll: (children) => fetchAll(children, isSourceSparse) })
      graphs.push(graph.manifests)
    }
    return graphs
  }

  return {
    async image() {
      const root = await fetch(reference, options.signal)
      return await readImageGraph({
        root,
        platforms,
        what,
        fetchAll: (children) => fetchAll(children, isSourceSparse),
      })
    },

    async referrersOf(subjects) {
      if (!source.referrers) return { manifests: [], tags: new Map() }
      return await readReferrers({
        subjects,
        what,
        listAll: (manifests) => mapInQueue(manifests, listOne, inQueue),
        readAll: (referrers) => graphsOf(referrers.map(({ descriptor }) => descriptor)),
      })
    },
  }
}

/** Clients refuse what its descriptor says wrong things of, and what is to be held in memory is judged by it. */
function ofSize({ digest, size }: Descriptor, manifest: Manifest): Manifest {
  if (manifest.raw.length === size) return manifest
  throw new Fault('invalid', `${digest}: an index says that it has ${size} bytes, but it has ${manifest.raw.length}`)
}
