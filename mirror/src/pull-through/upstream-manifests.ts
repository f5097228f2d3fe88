import type { Logger } from 'pino'
import type { RetryPace } from '../copy/plan-retry.ts'
import { retry, type RetryOptions } from '../copy/retry.ts'
import type { Meter } from '../metrics/meter.ts'
import type { PulledImages } from '../eviction/pulled-images.ts'
import type { Digest } from '../oci/digest.ts'
import { isFault } from '../oci/fault.ts'
import { descriptorOf, type Manifest } from '../oci/manifest.ts'
import { isManifestType } from '../oci/media-type.ts'
import type { ContentStore, Repository } from '../store/content-store.ts'
import { createLocks } from '../store/locks.ts'
import { createRecentlyUsed } from '../store/recently-used.ts'
import type { KnownParts } from './known-parts.ts'
import type { Place } from './locate.ts'
import { planTag } from './plan-freshness.ts'
import { pullThroughMetrics } from './pull-through-metrics.ts'
import { createRoomBehind } from './room-behind.ts'
import { createSharedWork } from './shared-work.ts'
import { notYetAnswered } from './upstream-fault.ts'
import type { Upstream } from './upstream.ts'
import { freshnessOf } from './upstream-settings.ts'
import { within } from './within.ts'

/** What is to be answered with while it is not here: it is being stored, or there is no room for it. */
export type Unstored = Manifest | undefined

/** Brings manifests of upstreams into our repositories, each once for all who ask. */
export interface UpstreamManifests {
  /** Sees to it that a manifest is here, or being stored: who asked does not wait for the disk. @throws Fault */
  give(place: Place<Upstream>, digest: Digest): Promise<Unstored>
  /** As `give`, for a tag and what it has to mean by its freshness. @throws Fault if there is nothing to answer with */
  freshen(place: Place<Upstream>, tag: string): Promise<Unstored>
  /** Sees to it that a manifest is here, unless there is no room for it. @throws Fault */
  bring(place: Place<Upstream>, digest: Digest): Promise<void>
  /** Resolves when none is under way, nor being stored. */
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

/** What an upstream gave. */
interface Given {
  readonly unstored: Unstored
  /** Resolves when it is here; who does without it need not look at how it ends. */
  readonly stored: Promise<void>
}

/** What a tag is to mean, and what it meant. */
interface TagMove {
  readonly tag: string
  readonly digest: Digest
  readonly before: Digest | undefined
}

const isHereNow: Given = { unstored: undefined, stored: Promise.resolve() }

const defaultPatience: Patience = { unknownMs: 25_000, knownMs: 2_000 }
const fewTries: RetryPace = { baseMs: 200, capMs: 3_000, tries: 4 }
/** Nobody waits for it, and a digest that a collection is about to delete is refused for some seconds. */
const triesBehind: RetryPace = { baseMs: 200, capMs: 10_000, tries: 4 }
/** So many tags are remembered to have been looked up. */
const mostChecked = 20_000
/** So many bytes may wait for the disk before upstreams are asked for no more. */
const mostUnwritten = 32 * 1024 * 1024
/** What it costs to wait, besides the bytes of a manifest: small ones do not wait by the thousand. */
const bytesOfWaiting = 256 * 1024

export function createUpstreamManifests(options: UpstreamManifestsOptions): UpstreamManifests {
  const { store, parts, pulled, log, signal, now, onMoved, meter } = options
  const tries = { pace: fewTries, ...options.retry, signal }
  const patience = { ...defaultPatience, ...options.patience }
  // A failure was logged, and whoever waits for it hears of it.
  const work = createSharedWork<Given>(({ stored }) => stored.catch(() => undefined))
  /** When an upstream was last heard about a tag. */
  const heardAt = createRecentlyUsed<number>(mostChecked)
  const behind = createRoomBehind(mostUnwritten)
  /** All tags of a repository are written down in one record. */
  const tagging = createLocks()

  function keyOf({ repository }: Place<Upstream>, reference: string): string {
    return `${repository} ${reference}`
  }

  const fetchOf = (place: Place<Upstream>, digest: Digest): string => `fetch ${keyOf(place, digest)}`

  /** Goes on behind an answer, which does without it where it fails; who was answered does not come again, so it is tried again. */
  function write({ repository }: Place<Upstream>, put: () => Promise<void>): Promise<void> {
    const written = retry(put, { ...tries, pace: triesBehind })
    written.catch((err: unknown) => {
      const level = isFault(err) || signal.aborted ? 'warn' : 'error'
      log[level]({ err, repository }, 'a manifest could not be stored; it is passed on without that')
    })
    return written
  }

  async function ask({ upstream, sourceRepository }: Place<Upstream>, reference: string): Promise<Manifest> {
    await behind.free()
    return await retry(() => upstream.source.manifest(sourceRepository, reference, { signal }), tries)
  }

  function fetch(place: Place<Upstream>, digest: Digest): Promise<Given> {
    return work.share(fetchOf(place, digest), async () => keep(place, await ask(place, digest)))
  }

  function keep(place: Place<Upstream>, manifest: Manifest): Given {
    parts.note(place.repository, manifest)
    const stored = write(place, () => store.repository(place.repository).putManifest(manifest))
    behind.take(descriptorOf(manifest).size + bytesOfWaiting, stored)
    return { unstored: manifest, stored }
  }

  async function isHere(repository: Repository, digest: Digest): Promise<boolean> {
    // What is asked for without a tag is kept by being asked for.
    const found = await repository.vouchFor(digest)
    return found !== undefined && isManifestType(found.mediaType)
  }

  function check(place: Place<Upstream>, tag: string, wasKnown: boolean): Promise<Given> {
    const { host: upstream } = place.upstream.settings
    const count = (result: string): void => meter.add(pullThroughMetrics.tagChecks, { upstream, result })
    return work.share(`check ${keyOf(place, tag)}`, async () => {
      try {
        const given = await lookUp(place, tag, wasKnown)
        count(given ? 'moved' : 'unchanged')
        return given ?? isHereNow
      } catch (error) {
        count('failed')
        throw error
      }
    })
  }

  /** Undefined if it is to mean what it means. */
  async function lookUp(place: Place<Upstream>, tag: string, wasKnown: boolean): Promise<Given | undefined> {
    const before = (await store.repository(place.repository).tag(tag))?.digest
    // It came meanwhile.
    if (before && !wasKnown) return undefined
    // What is unknown is most likely not here: over a long link one question less is what a client notices.
    if (before || !place.upstream.hasPullsToSpare()) return await lookUpFirst(place, tag, before)
    try {
      return await fetchTag(place, tag)
    } catch (error) {
      // A pull too many says so by being refused: a question is none, and the tag may be a name of what is here.
      if (!isFault(error, 'unavailable') || place.upstream.hasPullsToSpare()) throw error
      return await lookUpFirst(place, tag, before)
    }
  }

  async function fetchTag(place: Place<Upstream>, tag: string): Promise<Given> {
    const manifest = await ask(place, tag)
    const { digest } = manifest
    const given = keep(place, manifest)
    // Whoever asks for its digest meanwhile is given it, too.
    void work.share(fetchOf(place, digest), async () => given)
    return move(place, { tag, digest, before: undefined }, given)
  }

  /** HEAD first, which registries do not count, and GET only what is not here. */
  async function lookUpFirst(
    place: Place<Upstream>,
    tag: string,
    before: Digest | undefined,
  ): Promise<Given | undefined> {
    const { upstream, sourceRepository } = place
    const repository = store.repository(place.repository)
    const resolve = () => upstream.source.resolve(sourceRepository, tag, { signal })
    const { digest } = before ? await resolve() : await retry(resolve, tries)
    const isHereAlready = before !== digest && (await isHere(repository, digest))
    if (before && before !== digest && !isHereAlready && !upstream.budget.allowsRefresh()) {
      const facts = { repository: place.repository, tag }
      log.warn(facts, 'a new version waits: the budget of pulls is nearly used up')
      return undefined
    }
    const change = { tag, digest, before }
    if (isHereAlready) return await moveNow(place, change)
    if (before !== digest) return move(place, change, await fetch(place, digest))
    heardAt.set(keyOf(place, tag), now(), 1)
    return undefined
  }

  /** Lets a tag mean what was given, once that is here. */
  function move(place: Place<Upstream>, { tag, digest, before }: TagMove, { unstored, stored }: Given): Given {
    const heard = now()
    const put = async (): Promise<void> => {
      using _ = await tagging.acquire(place.repository)
      await pulled?.tagMoves(place.repository, { tag, digest, before })
      await store.repository(place.repository).putTag(tag, digest)
    }
    const moved = stored.then(async () => {
      await write(place, put)
      heardAt.set(keyOf(place, tag), heard, 1)
      if (!signal.aborted) onMoved(place, digest)
    })
    behind.take(bytesOfWaiting, moved)
    return { unstored, stored: moved }
  }

  /** Lets a tag mean what is here. */
  async function moveNow(place: Place<Upstream>, change: TagMove): Promise<Given> {
    const given = move(place, change, isHereNow)
    try {
      await given.stored
      return given
    } catch {
      return { ...given, unstored: await store.repository(place.repository).manifest(change.digest) }
    }
  }

  /** Nobody waits for it; a definite failure counts as an answer, so that not every request asks again. */
  async function checkBehind(place: Place<Upstream>, tag: string): Promise<void> {
    const fail = (error: unknown): void => {
      if (!isFault(error, 'unavailable')) heardAt.set(keyOf(place, tag), now(), 1)
    }
    try {
      const { stored } = await check(place, tag, true)
      stored.catch(fail)
    } catch (err) {
      fail(err)
      const facts = { err, repository: place.repository, tag }
      if (isFault(err)) log.info(facts, 'a tag could not be looked up; what it meant last is served')
      else if (!signal.aborted) log.error(facts, 'looking up a tag failed')
    }
  }

  /** @throws Fault not-found: the upstream answered, and has no such tag any more */
  async function checkFirst(place: Place<Upstream>, tag: string): Promise<Unstored> {
    try {
      const checked = await within(patience.knownMs, check(place, tag, true))
      if (!checked) place.upstream.pause.overdue()
      return checked?.value.unstored
    } catch (err) {
      if (!isFault(err) || err.code === 'not-found') throw err
      log.info({ err, repository: place.repository, tag }, 'a tag could not be looked up; what it meant last is served')
      return undefined
    }
  }

  async function untilGiven(place: Place<Upstream>, what: string, given: Promise<Given>): Promise<Given> {
    const done = await within(patience.unknownMs, given)
    if (done) return done.value
    throw notYetAnswered(place, what)
  }

  async function give(place: Place<Upstream>, digest: Digest): Promise<Given> {
    if (await isHere(store.repository(place.repository), digest)) return isHereNow
    return await untilGiven(place, digest, fetch(place, digest))
  }

  return {
    give: async (place, digest) => (await give(place, digest)).unstored,

    async bring(place, digest) {
      const { stored } = await give(place, digest)
      await stored.catch((error: unknown) => {
        if (!isFault(error, 'no-space')) throw error
      })
    },

    async freshen(place, tag) {
      const { upstream, sourceRepository, repository } = place
      const heard = heardAt.get(keyOf(place, tag))
      const isKnown = (await store.repository(repository).tag(tag)) !== undefined
      if (!isKnown) return (await untilGiven(place, tag, check(place, tag, false))).unstored
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
