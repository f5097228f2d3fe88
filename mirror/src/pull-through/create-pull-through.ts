import type { Logger } from 'pino'
import type { RetryOptions } from '../copy/retry.ts'
import type { Evictor } from '../eviction/evictor.ts'
import type { PulledImages } from '../eviction/pulled-images.ts'
import { noMeter, type Meter } from '../metrics/meter.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { isDigest, type Digest } from '../oci/digest.ts'
import { isFault } from '../oci/fault.ts'
import { descriptorOf, type Manifest } from '../oci/manifest.ts'
import { contentHeaders, type Answer } from '../server/answer.ts'
import type { Exchange, PathOf } from '../server/exchange.ts'
import { isKnown, unchanged } from '../server/if-none-match.ts'
import type { RegistryPath } from '../server/parse-path.ts'
import type { Next, PullThrough } from '../server/pull-through.ts'
import { Refusal } from '../server/refusal.ts'
import type { ContentStore } from '../store/content-store.ts'
import { createAnswerBlob } from './answer-blob.ts'
import { createBlobFetches, type BlobFetch } from './blob-fetches.ts'
import { createKnownParts } from './known-parts.ts'
import { locate, locateByDefault, type Place } from './locate.ts'
import { prefetch } from './prefetch.ts'
import { pullThroughMetrics } from './pull-through-metrics.ts'
import { createSharedWork } from './shared-work.ts'
import { createUpstreamManifests, type Patience } from './upstream-manifests.ts'
import { createUpstreamReferrers } from './upstream-referrers.ts'
import { upstreamFault } from './upstream-fault.ts'
import type { Upstream } from './upstream.ts'
import { createUpstreamRepairs } from './upstream-repairs.ts'

type RepositoryPath = Extract<RegistryPath, { readonly repository: string }>

export interface PullThroughOptions {
  /** Those that are asked now. */
  readonly upstreams: () => readonly Upstream[]
  readonly store: ContentStore
  /** Below which lies what was fetched with a credential, as it is known now. */
  readonly privatePrefixes?: (() => readonly string[]) | undefined
  /** Is told what is asked for; absent: what comes is kept for ever. */
  readonly pulled?: Pick<PulledImages, 'used' | 'tagMoves' | 'disown'> | undefined
  /** Is told what comes, and what there is no room for. */
  readonly evictor?: Pick<Evictor, 'came' | 'refused'> | undefined
  readonly log: Logger
  readonly meter?: Meter | undefined
  /** Milliseconds of a clock that never goes back. */
  readonly now?: (() => number) | undefined
  /** How fetches are tried again; left out outside of tests. */
  readonly retry?: RetryOptions | undefined
  readonly patience?: Partial<Patience & { readonly blobMs: number }> | undefined
}

/**
 * Fetches content of upstreams into the store when somebody asks for it, and answers from the store. Disposing of it ends what is
 * under way; what came so far is kept.
 */
export function createPullThrough(options: PullThroughOptions): PullThrough & AsyncDisposable {
  const {
    upstreams,
    store,
    privatePrefixes = () => [],
    pulled,
    evictor,
    log,
    meter = noMeter,
    now = () => performance.now(),
    retry,
    patience,
  } = options
  const over = new AbortController()
  const { signal } = over
  const parts = createKnownParts()
  const fetches = createBlobFetches({ log, signal, retry, onRefused: (bytes) => evictor?.refused(bytes) })
  const prefetches = createSharedWork<void>()
  const shared = { store, log, signal, now }
  const manifests = createUpstreamManifests({ ...shared, parts, pulled, retry, patience, meter, onMoved })
  const referrers = createUpstreamReferrers({ ...shared, manifests, patienceMs: patience?.unknownMs })
  const answerBlob = createAnswerBlob({ fetchBlob, parts, signal, log, patienceMs: patience?.blobMs })
  const repairs = createUpstreamRepairs({ upstreams, store, fetchBlob, signal, log })

  function onMoved(place: Place<Upstream>, digest: Digest): void {
    const options = { store, manifests, referrers, fetchBlob, log }
    void prefetches.share(`${place.repository}@${digest}`, () => prefetch(place, digest, options))
  }

  function fetchBlob({ upstream, sourceRepository, repository }: Place<Upstream>, blob: Descriptor): BlobFetch {
    const labels = { upstream: upstream.settings.host }
    return fetches.fetch(blob, {
      source: upstream.source,
      sourceRepository,
      repository: store.repository(repository),
      queue: upstream.queue,
      onBytes(bytes) {
        meter.add(pullThroughMetrics.bytesFetched, labels, bytes)
        evictor?.came(bytes)
        noteUse(repository, blob.digest)
      },
      onPassed: (bytes) => meter.add(pullThroughMetrics.bytesPassed, labels, bytes),
    })
  }

  /** Over a thin link there is long nothing asked for of an image but its layers. */
  function noteUse(repository: string, blob: Digest): void {
    const manifest = parts.manifestWith(repository, blob)
    if (manifest) pulled?.used(repository, manifest)
  }

  async function answerManifest(
    place: Place<Upstream>,
    path: PathOf<'manifest'>,
    exchange: Exchange,
    next: Next,
  ): Promise<Answer> {
    const { tag, digest } = path.reference
    const answer = await answerStored(place, path, next, async () => {
      try {
        const unstored = await (digest ? manifests.give(place, digest) : manifests.freshen(place, tag))
        return unstored && (await answerUnstored(exchange, place, unstored))
      } catch (error) {
        throw upstreamFault(error, { unknown: 'MANIFEST_UNKNOWN', place, reference: digest ?? tag, log })
      }
    })
    const answered = answer.headers?.['docker-content-digest']
    if (typeof answered !== 'string' || !isDigest(answered)) return answer
    pulled?.used(path.repository, answered)
    if (answer.status === 200 && answer.body !== undefined) await noteParts(path.repository, answered)
    return answer
  }

  /** Answers from the store what `bring` sees to; that gives another answer if it is not there. */
  async function answerStored(
    place: Place<Upstream>,
    path: PathOf<'manifest'> | PathOf<'blob'>,
    next: Next,
    bring: () => Promise<Answer | undefined>,
  ): Promise<Answer> {
    for (let isLast = false; ; isLast = true) {
      const other = await bring()
      if (other) return other
      try {
        return await repairs.answer(place, path, next)
      } catch (error) {
        // What was here a moment ago may have been evicted: it is brought once more.
        if (isLast || !isFault(error, 'not-found')) throw error
      }
    }
  }

  /** A client that was given a manifest will ask for what is in it. */
  async function noteParts(repository: string, digest: Digest): Promise<void> {
    if (parts.isNoted(repository, digest)) return
    const manifest = await store.repository(repository).manifest(digest)
    if (manifest) parts.note(repository, manifest)
  }

  /** What a client pushes is its own, also where an upstream gave the same before. */
  async function disown(path: RegistryPath, { method, query }: Exchange): Promise<void> {
    if (method !== 'PUT' || path.kind !== 'manifest' || !pulled) return
    const { tag } = path.reference
    for (const name of tag === undefined ? query.getAll('tag') : [tag]) await pulled.disown(path.repository, name)
  }

  async function passOn(path: RegistryPath, exchange: Exchange, next: Next): Promise<Answer> {
    const answer = await next(path)
    await disown(path, exchange)
    return answer
  }

  /** What is here comes first: nobody gets another one's image for one of ours. */
  async function answerLocal(path: RepositoryPath, exchange: Exchange, next: Next): Promise<Answer> {
    const isPull = exchange.method === 'GET' || exchange.method === 'HEAD'
    const place = isPull && !isOnlyIfHere(exchange) ? locateByDefault(path.repository, upstreams()) : undefined
    if (!place || (path.kind !== 'manifest' && path.kind !== 'blob')) return await passOn(path, exchange, next)
    try {
      return await next(path)
    } catch (error) {
      if (!isFault(error, 'not-found')) throw error
      return await answerFrom(place, path, exchange, next)
    }
  }

  async function answerFrom(
    place: Place<Upstream>,
    asked: RepositoryPath,
    exchange: Exchange,
    next: Next,
  ): Promise<Answer> {
    const { repository } = place
    const path = { ...asked, repository }
    const digest = path.kind === 'blob' || path.kind === 'referrers' ? path.digest : undefined
    await exchange.permit({ action: 'pull', repository, digest })
    switch (path.kind) {
      case 'manifest':
        return await answerManifest(place, path, exchange, next)
      case 'blob':
        noteUse(repository, path.digest)
        return await answerStored(place, path, next, () => answerBlob(exchange, place, path))
      case 'referrers':
        await referrers.freshen(place, path.digest)
        return await next(path)
      default:
        return await next(path)
    }
  }

  return {
    repairs,
    isPrivate: (repository) => privatePrefixes().some((prefix) => repository.startsWith(`${prefix}/`)),
    isFetched: (repository) => upstreams().some(({ settings }) => repository.startsWith(`${settings.prefix}/`)),

    async answer(path, exchange, next) {
      if (!('repository' in path) || upstreams().length === 0) return await passOn(path, exchange, next)
      const namespace = exchange.query.get('ns')
      const place = locate({ repository: path.repository, namespace }, upstreams())
      if (place === 'local') return await answerLocal(path, exchange, next)
      if (place === 'unknown') throw notAllowed(namespace ?? '')
      if (exchange.method !== 'GET' && exchange.method !== 'HEAD') throw readOnly(place)
      if (isOnlyIfHere(exchange)) return readOnlyHead(await next({ ...path, repository: place.repository }), exchange)
      const answer = await answerFrom(place, path, exchange, next)
      return namespace === null ? answer : { ...answer, headers: { ...answer.headers, 'oci-namespace': namespace } }
    },

    async [Symbol.asyncDispose]() {
      over.abort(new Error('the mirror ends'))
      await Promise.all([fetches, manifests, referrers, prefetches].map((work) => work.settled()))
    },
  }
}

const readOnlyMethods = 'GET, HEAD'

/** Who looks at what is here does not want it to become more by that (RFC 9111, 5.2.1.7). */
function isOnlyIfHere({ request }: Exchange): boolean {
  return /\bonly-if-cached\b/i.test(request.headers['cache-control'] ?? '')
}

/** Tells who looks that there is no more to be done than that (RFC 9110, 10.2.1). */
function readOnlyHead(answer: Answer, { method }: Exchange): Answer {
  return method === 'HEAD' ? { ...answer, headers: { ...answer.headers, allow: readOnlyMethods } } : answer
}

async function answerUnstored(
  exchange: Exchange,
  { repository }: Place<Upstream>,
  manifest: Manifest,
): Promise<Answer> {
  const descriptor = descriptorOf(manifest)
  await exchange.permit({ action: 'pull', repository, digest: descriptor.digest })
  if (isKnown(exchange, descriptor)) return unchanged(descriptor)
  return { status: 200, headers: contentHeaders(descriptor), body: manifest.raw }
}

function notAllowed(namespace: string): Refusal {
  const message = `this mirror does not fetch from "${namespace.slice(0, 200)}": its upstreams are listed by whoever runs it`
  return new Refusal('NAME_UNKNOWN', message)
}

function readOnly({ repository }: Place<Upstream>): Refusal {
  const message = `${repository} is what this mirror has of its upstream: push there, not here`
  return new Refusal('UNSUPPORTED', message, { headers: { allow: readOnlyMethods } })
}
