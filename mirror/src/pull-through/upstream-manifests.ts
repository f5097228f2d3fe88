import type { Logger } from 'pino'
import { retry, type RetryOptions } from '../copy/retry.ts'
import type { Meter } from '../metrics/meter.ts'
import type { Digest } from '../oci/digest.ts'
import { Fault, isFault } from '../oci/fault.ts'
import { isManifestType } from '../oci/media-type.ts'
import type { ContentStore, Repository } from '../store/content-store.ts'
import { createRecentlyUsed } from '../store/recently-used.ts'
import type { KnownParts } from './known-parts.ts'
import type { Place } from './locate.ts'
import { planTag } from './plan-freshness.ts'
import { pullThroughMetrics } from './pull-through-metrics.ts'
import { createSharedWork } from './shared-work.ts'
import type { Upstream } from './upstream.ts'
import { freshnessOf } from './upstream-settings.ts'
import { within } from './within.ts'

/** Brings manifests of upstreams into our repositories, each once for all who ask. */
export interface UpstreamManifests {
  /** Sees to it that a manifest is here. @throws Fault */
  bring(place: Place<Upstream>, digest: Digest): Promise<void>
  /** Sees to it that a tag means what it has to mean by its freshness. @throws Fault if there is nothing to answer with */
  freshen(place: Place<Upstream>, tag: string): Promise<void>
  /** Resolves when none is under way. */
  settled(): Promise<void>
}

export interface UpstreamManifestsOptions {
  readonly store: ContentStore
  readonly parts: KnownParts
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

const defaultPatience: Patience = { unknownMs: 25_000, knownMs: 2_000 }
const fewTries: RetryOptions = { pace: { baseMs: 200, capMs: 3_000, tries: 4 } }
/** So many tags are remembered to have been looked up. */
const mostChecked = 20_000

export function createUpstreamManifests(options: UpstreamManifestsOptions): UpstreamManifests {
  const { store, parts, log, signal, now, onMoved, meter, retry: tries = fewTries } = options
  const patience = { ...defaultPatience, ...options.patience }
  const work = createSharedWork<void>()
  /** When an upstream was last heard about a tag. */
  const heardAt = createRecentlyUsed<number>(mostChecked)

  function keyOf({ repository }: Place<Upstream>, reference: string): string {
    return `${repository} ${reference}`
  }

  function fetch(place: Place<Upstream>, digest: Digest): Promise<void> {
    const { upstream, repository, sourceRepository } = place
    return work.share(`fetch ${keyOf(place, digest)}`, async () => {
      const ask = () => upstream.source.manifest(sourceRepository, digest, { signal })
      const manifest = await retry(ask, { ...tries, signal })
      parts.note(repository, manifest)
      await store.repository(repository).putManifest(manifest)
    })
  }

  async function isHere(repository: Repository, digest: Digest): Promise<boolean> {
    // What is asked for without a tag is kept by being asked for.
    const found = await repository.vouchFor(digest)
    return found !== undefined && isManifestType(found.mediaType)
  }

  function check(place: Place<Upstream>, tag: string): Promise<void> {
    const { host: upstream } = place.upstream.settings
    const count = (result: string): void => meter.add(pullThroughMetrics.tagChecks, { upstream, result })
    return work.share(`check ${keyOf(place, tag)}`, async () => {
      try {
        count((await checkOnce(place, tag)) ? 'moved' : 'unchanged')
      } catch (error) {
        count('failed')
        throw error
      }
    })
  }

  /** HEAD first, which registries do not count, and GET only what is not here; gives whether it means something new. */
  async function checkOnce(place: Place<Upstream>, tag: string): Promise<boolean> {
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
        return false
      }
      if (!isHereAlready) await fetch(place, digest)
      await repository.putTag(tag, digest)
      onMoved(place, digest)
    }
    heardAt.set(keyOf(place, tag), now(), 1)
    return isMoved
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
  async function checkFirst(place: Place<Upstream>, tag: string): Promise<void> {
    try {
      const checked = await within(patience.knownMs, check(place, tag))
      if (!checked) place.upstream.pause.overdue()
    } catch (err) {
      if (!isFault(err) || err.code === 'not-found') throw err
      log.info({ err, repository: place.repository, tag }, 'a tag could not be looked up; what it meant last is served')
    }
  }

  async function bringUnknown(place: Place<Upstream>, what: string, brought: Promise<void>): Promise<void> {
    if (await within(patience.unknownMs, brought)) return
    place.upstream.pause.overdue()
    throw new Fault('unavailable', `${place.upstream.settings.host} has not answered yet when asked for ${what}`)
  }

  return {
    async bring(place, digest) {
      if (await isHere(store.repository(place.repository), digest)) return
      await bringUnknown(place, `${place.sourceRepository}@${digest}`, fetch(place, digest))
    },

    async freshen(place, tag) {
      const { upstream, sourceRepository, repository } = place
      const heard = heardAt.get(keyOf(place, tag))
      const isKnown = (await store.repository(repository).tag(tag)) !== undefined
      if (!isKnown) return await bringUnknown(place, `${sourceRepository}:${tag}`, check(place, tag))
      const step = planTag({
        freshness: freshnessOf(upstream.settings, sourceRepository),
        isKnown,
        ageMs: heard === undefined ? undefined : now() - heard,
        isAway: upstream.pause.isAway,
      })
      if (step === 'check-first') await checkFirst(place, tag)
      else if (step === 'answer-and-check') void checkBehind(place, tag)
    },

    settled: () => work.settled(),
  }
}
