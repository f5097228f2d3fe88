import { isDeepStrictEqual } from 'node:util'
import type { Assignment } from '@stowage/mirror/edge/assignment'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { ContentStore } from '@stowage/mirror/store/content-store'
import type { Logger } from 'pino'
import { cacheKey } from './api/image-cache.ts'
import type { CacheStatus } from './api/cache-status.ts'
import type { CentreMemory } from './memory/centre-memory.ts'
import { storeSets } from './mirroring/store-sets.ts'
import { untagImage } from './mirroring/untag-image.ts'
import type { FlightCredentials, ImageFlights } from './mirroring/image-flights.ts'
import type { ReferrerFlights } from './mirroring/referrer-flights.ts'
import { admitFlights } from './plan/admit-flights.ts'
import { holdBack } from './plan/hold-back.ts'
import { observeCache } from './plan/observe-cache.ts'
import { planAssignments } from './plan/plan-assignments.ts'
import { planReferrers } from './plan/plan-referrers.ts'
import { planResolve } from './plan/plan-resolve.ts'
import { planSets } from './plan/plan-sets.ts'
import { planWants, type Want } from './plan/plan-wants.ts'
import { settlingNodes } from './plan/settling-nodes.ts'
import { statusOf } from './plan/status-of.ts'
import type { World } from './plan/world.ts'
import type { Step } from './reconcile.ts'
import { severalAtATime } from './several-at-a-time.ts'
import type { Wishes } from './sources/wish-source.ts'
import { createStopwatch } from './stopwatch.ts'

export interface CentreStepOptions {
  readonly memory: CentreMemory
  readonly content: ContentStore
  readonly flights: ImageFlights
  readonly referrerFlights: ReferrerFlights
  /** Undefined as long as it is not known what is wanted: then nothing is published. */
  readonly wishes: () => Wishes | undefined
  readonly world: () => World
  readonly makeUid: () => string
  readonly now: () => number
  readonly log: Logger
  /** How often moving references are looked up again, in milliseconds; 0 for never. */
  readonly refreshMs: number
  /** How many references are looked up or copied at a time, as `admitFlights` takes it. */
  readonly mostFlights: number
  /** Concludes from silence what can be concluded; says when there will be more, epoch milliseconds. */
  readonly noteSilence: () => Promise<number>
  /** Called for each node whose assignment is another one now. */
  readonly onAssigned: (node: string) => void
}

/** Images of which signatures and the like are looked for at a time. */
const mostReferrerFlights = 4
/** Each is synced for itself, and their directory for all that wait for it. */
const writesAtOnce = 16
/** How long assignments are written before everything is looked at again: longer than the look took, in milliseconds. */
const leastPublishMs = 1000
const publishShare = 8

/** One step of the centre: from wishes, reports and what upstream said to what nodes are told. */
export function createCentreStep(options: CentreStepOptions): () => Promise<Step> {
  const { memory, content, flights, referrerFlights, now, log } = options
  const looking = createStopwatch(() => performance.now())
  const world = (): World => looking.time(options.world)
  const publishedAt = new Map<string, number>()

  async function keepRecords({ caches }: Wishes): Promise<void> {
    for (const cache of caches) {
      const old = memory.caches.all.get(cacheKey(cache))
      const next = observeCache(old, cache, { now: now(), makeUid: options.makeUid })
      if (next !== old) await memory.caches.put(cacheKey(cache), next)
    }
    const living = new Set(caches.map(cacheKey))
    for (const key of memory.caches.all.keys()) if (!living.has(key)) await memory.caches.delete(key)
    for (const [name, { platforms }] of memory.exports.all) {
      if (platforms.every(({ until }) => until <= now())) await memory.exports.delete(name)
    }
  }

  /**
   * A set is stored before an assignment names it, and an assignment before a node sees it. Where there are many nodes some of
   * them are told, and the others after another look: images are to land meanwhile, and statuses to stay true.
   */
  async function publish({ epoch, caches, nodes, resolutions, assignments: previous }: World): Promise<number> {
    const begunAt = now()
    const sets = planSets(resolutions)
    const changed = looking.time(() => planAssignments({ epoch, caches, nodes, previous, sets, now: now() }))
    if (changed.length === 0) return Infinity
    const sizes = new Map(sets.all().map(({ digest, raw }) => [digest, raw.length]))
    const isBusy = flights.all.size > 0
    const sizeOf = (set: Digest): number => sizes.get(set) ?? 0
    const { publish: due, nextAt } = holdBack(changed, { previous, publishedAt, sizeOf, isBusy, now: now() })
    if (due.length > 0) await storeSets(content, sets.all())
    const until = now() + Math.max(leastPublishMs, publishShare * (now() - begunAt))
    const told = await severalAtATime(due, { concurrency: writesAtOnce, isOver: () => now() >= until }, tell)
    return told < due.length ? now() : nextAt
  }

  async function tell(assignment: Assignment): Promise<void> {
    await memory.assignments.put(assignment.node, assignment)
    publishedAt.set(assignment.node, now())
    options.onAssigned(assignment.node)
  }

  async function resolve({ caches, nodes, resolutions }: World, wishes: Wishes): Promise<number> {
    const { refreshMs } = options
    const input = { caches, nodes, exports: memory.exports.all, refreshMs, now: now() }
    const wants = looking.time(() => planWants(input))
    const credentials = new Map([...wants].map(([name, want]) => [name, credentialsFor(want, wishes)]))
    const plan = planResolve({
      wants,
      resolutions,
      inFlight: new Set(flights.all.keys()),
      newCredentials: new Set(
        [...credentials].flatMap(([name, own]) => (flights.isNewCredentials(name, own) ? name : [])),
      ),
      now: now(),
    })
    for (const name of plan.cancel) flights.cancel(name)
    for (const name of plan.forget) await forget(name)
    const { mostFlights: most } = options
    const admitted = admitFlights({ due: plan.due, inFlight: flights.all.keys(), most })
    for (const want of admitted) flights.start(want, ownOf(want))
    return Math.min(plan.nextAt, bringReferrers())

    function ownOf({ name }: Want): FlightCredentials {
      return credentials.get(name) ?? { credentials: [], missing: [] }
    }

    function bringReferrers(): number {
      const { all, retryAt } = referrerFlights
      const input = { wants, resolutions, records: memory.referrers.all, inFlight: all, retryAt, now: now() }
      const { due, cancel, nextAt } = planReferrers(input)
      for (const name of cancel) referrerFlights.cancel(name)
      const admitted = admitFlights({ due, inFlight: all, most: mostReferrerFlights })
      for (const want of admitted) referrerFlights.start(want, ownOf(want))
      return nextAt
    }
  }

  /**
   * Untagged first: a tag that nobody knows any more would keep the image for ever. And before that it is mirrored for no
   * platform any more: who wants it again before it is forgotten has it brought, and tagged, anew.
   */
  async function forget(name: string): Promise<void> {
    const resolution = memory.resolutions.all.get(name)
    const mirrored = resolution?.mirrored
    if (mirrored) await memory.resolutions.put(name, { ...resolution, mirrored: { ...mirrored, platforms: [] } })
    if (resolution) await untagImage(content, name, resolution)
    await referrerFlights.forget(name)
    await memory.resolutions.delete(name)
  }

  async function keepStatuses(known: World): Promise<void> {
    for (const living of known.caches) {
      const { cache, record } = living
      const [status, isSettled] = looking.time(() => [
        statusOf(living, known),
        record.leaving.length > 0 && settlingNodes(living, known).length === 0,
      ])
      if (!isSettled && isDeepStrictEqual(stepsOf(status), stepsOf(record.status))) continue
      const leaving = isSettled ? [] : record.leaving
      await memory.caches.put(cacheKey(cache), { ...record, leaving, status })
      if (wordsOf(status) !== wordsOf(record.status)) log.info(factsOf(cacheKey(cache), status), 'status changed')
    }
  }

  async function act(): Promise<number> {
    const overdueAt = await options.noteSilence()
    const wishes = options.wishes()
    if (!wishes) return overdueAt
    await keepRecords(wishes)
    // What lands soon is told at once with what is there already.
    const resolveAt = await resolve(world(), wishes)
    const publishAt = await publish(world())
    await keepStatuses(world())
    return Math.min(publishAt, resolveAt, overdueAt)
  }

  return async () => {
    looking.take()
    const nextAt = await act()
    return { nextAt, lookedMs: looking.take() }
  }
}

function credentialsFor({ secrets }: Want, { secrets: known, forbiddenSecrets }: Wishes): FlightCredentials {
  const byKey = new Map(known.map((secret) => [cacheKey(secret), secret]))
  const whyForbidden = (key: string): string | undefined => forbiddenSecrets?.get(key.split('/')[0] ?? '')
  return {
    credentials: secrets.flatMap((key) => byKey.get(key)?.credentials ?? []),
    missing: secrets.filter((key) => !byKey.has(key) && whyForbidden(key) === undefined),
    forbidden: [...new Set(secrets.flatMap((key) => whyForbidden(key) ?? []))],
  }
}

/** What of a status is worth a line. */
function wordsOf(status: CacheStatus | null): string {
  return `${status?.status} ${status?.reason}`
}

function factsOf(cache: string, { status, reason, counts, bytes }: CacheStatus): Record<string, unknown> {
  const { matched, reachable, complete, failed } = counts.nodes
  const missing = bytes.wanted - bytes.present
  return { cache, status, reason, nodes: { matched, reachable, complete, failed }, bytesMissing: missing }
}

/** What of a status is worth a write: numbers that move with every byte are not. */
function stepsOf(status: CacheStatus | null): unknown {
  return status && { ...status, counts: undefined, bytes: undefined }
}
