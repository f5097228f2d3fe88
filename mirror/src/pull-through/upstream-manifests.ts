import type { Logger } from 'pino'
import { retry, type RetryOptions } from '../copy/retry.ts'
import type { Meter } from '../metrics/meter.ts'
import type { PulledImages } from '../eviction/pulled-images.ts'
import type { Digest } from '../oci/digest.ts'
import { isFault } from '../oci/fault.ts'
import type { Manifest } from '../oci/manifest.ts'
import { isManifestType } from '../oci/media-type.ts'
import type { ContentStore, Repository } from '../store/content-store.ts'
import { createRecentlyUsed } from '../store/recently-used.ts'
import type { KnownParts } from './known-parts.ts'
import type { Place } from './locate.ts'
import { planTag } from './plan-freshness.ts'
import { pullThroughMetrics } from './pull-through-metrics.ts'
import { createSharedWork } from './shared-work.ts'
import { notYetAnswered } from './upstream-fault.ts'
import type { Upstream } from './upstream.ts'
import { freshnessOf } from './upstream-settings.ts'
import { within } from './within.ts'

/** What is to be answered with instead of what is here: there was no room to store it. */
export type Unstored = Manifest | undefined

/** Brings manifests of upstreams into our repositories, each once for all who ask. */
export interface UpstreamManifests {
  /** Sees to it that a manifest is here. @throws Fault */
  bring(place: Place<Upstream>, digest: Digest): Promise<Unstored>
  /** Sees to it that a tag means what it has to mean by its freshness. @throws Fault if there is nothing to answer with */
  freshen(place: Place<Upstream>, tag: string): Promise<Unstored>
  /** Resolves when none is under way. */
  settled(): Promise<void>
}

export interface UpstreamManifestsOptions {
  readonly store: ContentStore
  readonly parts: KnownParts
  /** Is told of tags before they are put; absent: what they mean is kept for ever. */
  readonly pulled?: Pick<PulledImages, 'tagMoves'> | undefined
  readonly log: Logger
  /** Ends all that is under way. */
  readonly signal: AbortSignal
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
  /** Is told of a tag that means something new. */
  readonly onMoved: (place: Place<Upstream>, digest: Digest) => void
  readonly meter: Meter
  readonly retry?: RetryOptions | undefined
  readonly patience?: Partial<Patience> | undefined
}

/** How long a client waits, in milliseconds. */
export interface Patience {
  /** For what is not known here: containerd gives up after 30 s. */
  readonly unknownMs: number
  /** For news of what is known. */
  readonly knownMs: number
}

/** What came of a look at a tag. */
interface Checked {
  readonly isMoved: boolean
  readonly unstored: Unstored
}

const defaultPatience: Patience = { unknownMs: 25_000, knownMs: 2_000 }
const fewTries: RetryOptions = { pace: { baseMs: 200, capMs: 3_000, tries: 4 } }
/** So many tags are remembered to have been looked up. */
const mostChecked = 20_000

export function createUpstreamManifests(options: UpstreamManifestsOptions): UpstreamManifests {
  const { store, parts, pulled, log, signal, now, onMoved, meter, retry: tries = fewTries } = options
  const patience = { ...defaultPatience, ...options.patience }
  const work = createSharedWork<Unstored>()
  /** When an upstream was last heard about a tag. */
  const heardAt = createRecentlyUsed<number>(mostChecked)

  function keyOf({ repository }: Place<Upstream>, reference: string): string {
    return `${repository} ${reference}`
  }

  /** Does without the disk if there is no room on it. */
  async function unlessFull(
    { repository }: Place<Upstream>,
    manifest: () => Promise<Unstored>,
    write: () => Promise<void>,
  ): Promise<Unstored> {
    try {
      await write()
      return undefined
    } catch (err) {
      if (!isFault(err, 'no-space')) throw err
      log.warn({ err, repository }, 'there is no room for a manifest; it is passed on without being stored')
      return await manifest()
    }
  }

  function fetch(place: Place<Upstream>, digest: Digest): Promise<Unstored> {
    const { upstream, repository, sourceRepository } = place
    return work.share(`fetch ${keyOf(place, digest)}`, async () => {
      const ask = () => upstream.source.manifest(sourceRepository, digest, { signal })
      const manifest = await retry(ask, { ...tries, signal })
      parts.note(repository, manifest)
      const put = () => store.repository(repository).putManifest(manifest)
      return await unlessFull(place, async () => manifest, put)
    })
  }

  async function isHere(repository: Repository, digest: Digest): Promise<boolean> {
    // What is asked for without a tag is kept by being asked for.
    const found = await repository.vouchFor(digest)
    return found !== undefined && isManifestType(found.mediaType)
  }

  function check(place: Place<Upstream>, tag: string): Promise<Unstored> {
    const { host: upstream } = place.upstream.settings
    const count = (result: string): void => meter.add(pullThroughMetrics.tagChecks, { upstream, result })
    return work.share(`check ${keyOf(place, tag)}`, async () => {
      try {
        const { isMoved, unstored } = await checkOnce(place, tag)
        count(isMoved ? 'moved' : 'unchanged')
        return unstored
      } catch (error) {
        count('failed')
        throw error
      }
    })
  }

  /** HEAD first, which registries do not count, and GET only what is not here. */
  async function checkOnce(place: Place<Upstream>, tag: string): Promise<Checked> {
    const { upstream, sourceRepository } = place
    const repository = store.repository(place.repository)
    const ask = () => upstream.source.resolve(sourceRepository, tag, { signal })
    const before = await repository.tag(tag)
    const { digest } = before ? await ask() : await retry(ask, { ...tries, signal })
    const isMoved = before?.digest !== digest
    if (isMoved) {
      const isHereAlready = await isHere(repository, digest)
      if (before && !isHereAlready && !upstream.budget.allowsRefresh()) {
        const facts = { repository: place.repository, tag }
        log.warn(facts, 'a new version waits: the budget of pulls is nearly used up')
        return { isMoved: false, unstored: undefined }
      }
      const unstored =
        (isHereAlready ? undefined : await fetch(place, digest)) ??
        (await unlessFull(
          place,
          () => repository.manifest(digest),
          () => move(place, tag, digest, before?.digest),
        ))
      if (unstored) return { isMoved, unstored }
      onMoved(place, digest)
    }
    heardAt.set(keyOf(place, tag), now(), 1)
    return { isMoved, unstored: undefined }
  }

  async function move(place: Place<Upstream>, tag: string, digest: Digest, before: Digest | undefined): Promise<void> {
    await pulled?.tagMoves(place.repository, { tag, digest, before })
    await store.repository(place.repository).putTag(tag, digest)
  }

  /** Nobody waits for it; a definite answer counts as one, so that not every request asks again. */
  async function checkBehind(place: Place<Upstream>, tag: string): Promise<void> {
    try {
      await check(place, tag)
    } catch (err) {
      if (!isFault(err, 'unavailable')) heardAt.set(keyOf(place, tag), now(), 1)
      const facts = { err, repository: place.repository, tag }
      if (isFault(err)) log.info(facts, 'a tag could not be looked up; what it meant last is served')
      else if (!signal.aborted) log.error(facts, 'looking up a tag failed')
    }
  }

  /** @throws Fault not-found: the upstream answered, and has no such tag any more */
  async function checkFirst(place: Place<Upstream>, tag: string): Promise<Unstored> {
    try {
      const checked = await within(patience.knownMs, check(place, tag))
      if (!checked) place.upstream.pause.overdue()
      return checked?.value
    } catch (err) {
      if (!isFault(err) || err.code === 'not-found') throw err
      log.info({ err, repository: place.repository, tag }, 'a tag could not be looked up; what it meant last is served')
      return undefined
    }
  }

  async function bringUnknown(place: Place<Upstream>, what: string, brought: Promise<Unstored>): Promise<Unstored> {
    const done = await within(patience.unknownMs, brought)
    if (done) return done.value
    throw notYetAnswered(place, what)
  }

  return {
    async bring(place, digest) {
      if (await isHere(store.repository(place.repository), digest)) return undefined
      return await bringUnknown(place, digest, fetch(place, digest))
    },

    async freshen(place, tag) {
      const { upstream, sourceRepository, repository } = place
      const heard = heardAt.get(keyOf(place, tag))
      const isKnown = (await store.repository(repository).tag(tag)) !== undefined
      if (!isKnown) return await bringUnknown(place, tag, check(place, tag))
      const step = planTag({
        freshness: freshnessOf(upstream.settings, sourceRepository),
        isKnown,
        ageMs: heard === undefined ? undefined : now() - heard,
        isAway: upstream.pause.isAway,
      })
      if (step === 'check-first') return await checkFirst(place, tag)
      if (step === 'answer-and-check') void checkBehind(place, tag)
      return undefined
    },

    settled: () => work.settled(),
  }
}
