import type { Logger } from 'pino'
import type { Descriptor } from '../oci/descriptor.ts'
import { isFault } from '../oci/fault.ts'
import { isManifestType } from '../oci/media-type.ts'
import type { Answer } from '../server/answer.ts'
import type { PathOf } from '../server/exchange.ts'
import type { Next } from '../server/pull-through.ts'
import type { ContentStore } from '../store/content-store.ts'
import type { RepairSource } from '../store/scrub/repair-source.ts'
import type { BlobFetch } from './blob-fetches.ts'
import { locate, locateByDefault, type Place } from './locate.ts'
import { upstreamFault } from './upstream-fault.ts'
import type { Upstream } from './upstream.ts'

export interface UpstreamRepairsOptions {
  /** Those that are asked now. */
  readonly upstreams: () => readonly Upstream[]
  readonly store: ContentStore
  readonly fetchBlob: (place: Place<Upstream>, blob: Descriptor) => BlobFetch
  readonly signal: AbortSignal
  readonly log: Logger
}

/** Fetches again what came from an upstream and was lost. */
export interface UpstreamRepairs extends RepairSource {
  /** Answers from the store; if what is asked for is named there, but damaged or lost, it is fetched again first. */
  answer(place: Place<Upstream>, path: PathOf<'manifest'> | PathOf<'blob'>, next: Next): Promise<Answer>
}

export function createUpstreamRepairs({
  upstreams,
  store,
  fetchBlob,
  signal,
  log,
}: UpstreamRepairsOptions): UpstreamRepairs {
  function placeOf(repository: string): Place<Upstream> | undefined {
    const place = locate({ repository, namespace: null }, upstreams())
    return typeof place === 'object' ? place : locateByDefault(repository, upstreams())
  }

  async function bring(place: Place<Upstream>, content: Descriptor): Promise<void> {
    const { upstream, sourceRepository, repository } = place
    if (!isManifestType(content.mediaType)) return await fetchBlob(place, content).reaches(content.size)
    const manifest = await upstream.source.manifest(sourceRepository, content.digest, { signal })
    await store.repository(repository).putManifest(manifest)
  }

  async function namedBy(path: PathOf<'manifest'> | PathOf<'blob'>): Promise<Descriptor | undefined> {
    const repository = store.repository(path.repository)
    const digest = path.kind === 'blob' ? path.digest : path.reference.digest
    if (digest) return await repository.stat(digest)
    return path.kind === 'manifest' && path.reference.tag ? await repository.tag(path.reference.tag) : undefined
  }

  return {
    async bring({ repository, content }) {
      const place = placeOf(repository)
      if (!place || place.repository !== repository) return false
      await bring(place, content)
      return true
    },

    async answer(place, path, next) {
      try {
        return await next(path)
      } catch (error) {
        if (!isFault(error, 'corrupt') && !isFault(error, 'not-found')) throw error
        const content = await namedBy(path)
        if (!content) throw error
        await bring(place, content).catch((failure: unknown) => {
          const unknown = path.kind === 'blob' ? 'BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN'
          throw upstreamFault(failure, { unknown, place, reference: content.digest, log })
        })
        return await next(path)
      }
    },
  }
}
