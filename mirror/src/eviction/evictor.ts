import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { noMeter, sample, type Meter, type Sample } from '../metrics/meter.ts'
import { isFault } from '../oci/fault.ts'
import type { ContentStore } from '../store/content-store.ts'
import { condemnedPrefix } from '../store/content/content-keys.ts'
import type { RootSource } from '../store/gc/content-root.ts'
import { createPace } from '../store/gc/pace.ts'
import { openStoreClock } from '../store/gc/store-clock.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { bytesOf, type DiskShare } from './disk-share.ts'
import { evictImages, type EvictImagesOptions } from './evict-images.ts'
import { evictionMetrics } from './eviction-metrics.ts'
import { isLookDue } from './is-look-due.ts'
import { planEviction, type Eviction, type EvictionPlan, type PulledImage } from './plan-eviction.ts'
import type { PulledImages } from './pulled-images.ts'
import { surveyImages, type ImageSurvey, type SurveyedImage } from './survey-images.ts'

/** Keeps what was pulled through within its room. */
export interface Evictor {
  /** So many bytes came from an upstream. */
  came(bytes: number): void
  /** So many bytes could not be stored: room is made for as much, if that is to be had. */
  refused(bytes: number): void
  /** Looks at the whole store once, and takes away what has to go. */
  look(signal?: AbortSignal): Promise<EvictionPlan>
  /** Looks when it may come to something, until the signal. */
  run(signal: AbortSignal): Promise<void>
  samples(): Sample[]
}

export interface EvictorLimits {
  /** What pulled images may take; undefined for all that there is. */
  readonly budget: DiskShare | undefined
  /** How much of the disk is to be free. */
  readonly minFree: DiskShare
  /** How long an image is kept whose tag means something else, milliseconds. */
  readonly keepSupersededMs: number
}

/** Bytes. */
export interface DiskSpace {
  readonly size: number
  readonly free: number
}

interface Room {
  readonly budgetBytes: number
  /** How much more is to be free than is. */
  readonly shortBytes: number
  /** And how much if what was refused is to fit, too. */
  readonly shortWithRefusedBytes: number
}

export interface EvictorOptions extends Pick<EvictImagesOptions, 'isOnlyRead'> {
  readonly objects: ObjectStore
  readonly store: ContentStore
  readonly pulled: PulledImages
  /** What others than pulled images want to stay. */
  readonly roots: readonly RootSource[]
  readonly limits: EvictorLimits
  /** Looks at the disk; absent where there is none to become full. */
  readonly disk?: (() => Promise<DiskSpace>) | undefined
  /** Collects garbage now. @throws Fault conflict if that is under way */
  readonly collect: (signal?: AbortSignal) => Promise<unknown>
  /** No other process has the store open; else what collections of others go by is written by the clock of the store. */
  readonly isAlone: boolean
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly log: Logger
  readonly meter?: Meter | undefined
  /** How often it is thought about, in milliseconds. */
  readonly everyMs?: number | undefined
  /** What was asked for within this time stays, in milliseconds. */
  readonly recentMs?: number | undefined
}

const defaultEveryMs = 15_000
const defaultRecentMs = 15 * 60_000
const flushEveryMs = 5 * 60_000
/** What failed is not tried again for so long, unless room is missing. */
const failedMs = 5 * 60_000
/** What uploads leave of a disk to small objects does not count as free. */
const reserveBytes = 32 * 1024 * 1024
/** Clients that push begin anew sooner than they go on, and leave what they began: when room is missing it goes. Milliseconds. */
const leftMs = 3600_000
/** It takes half of its time from others. */
const restRatio = 1

export function createEvictor(options: EvictorOptions): Evictor {
  const { objects, store, pulled, roots, limits, disk, collect, now, log, meter = noMeter } = options
  const { everyMs = defaultEveryMs, recentMs = defaultRecentMs } = options
  let last: { readonly plan: EvictionPlan; readonly images: number; readonly at: number } | undefined
  let cameBytes = 0
  let refusedBytes = 0
  /** Links are gone, and their bytes are not yet. */
  let isToCollect = false
  let wake = Promise.withResolvers<void>()

  async function room(): Promise<Room> {
    const { budget, minFree } = limits
    const { size, free } = (await disk?.()) ?? { size: Infinity, free: Infinity }
    const wanted = bytesOf(minFree, size) + reserveBytes
    const shortFor = (bytes: number): number => (disk ? Math.max(0, bytes - free) : 0)
    return {
      budgetBytes: budget ? bytesOf(budget, size) : Infinity,
      shortBytes: shortFor(wanted),
      shortWithRefusedBytes: shortFor(wanted + refusedBytes),
    }
  }

  async function look(signal?: AbortSignal): Promise<EvictionPlan> {
    const pace = createPace({ restRatio, signal })
    if ((await room()).shortWithRefusedBytes > 0) await dropLeftUploads(signal)
    const { budgetBytes, shortBytes, shortWithRefusedBytes } = await room()
    ;[cameBytes, refusedBytes] = [0, 0]
    const tagsOf = (name: string) => store.repository(name).tags()
    const survey = await surveyImages({ objects, pulled: pulled.all(), roots, tagsOf, pace })
    const plan = planEviction({
      ...survey,
      rules: { budgetBytes, keepSupersededMs: limits.keepSupersededMs, recentMs },
      shortBytes: Math.max(0, shortBytes - survey.goingBytes),
      shortWithRefusedBytes: Math.max(0, shortWithRefusedBytes - survey.goingBytes),
      now: now(),
    })
    await forgetGone(survey)
    if (plan.evictions.length > 0) await carryOut(plan, survey, signal)
    for (const image of survey.images) if (image.parts.length > 0) await pulled.absorb(image.repository, image)
    if (plan.stillShortBytes > 0 && !last?.plan.stillShortBytes) log.warn(factsOf(plan), 'not enough room can be made')
    last = { plan, images: survey.images.length - plan.evictions.length, at: now() }
    return plan
  }

  async function dropLeftUploads(signal?: AbortSignal): Promise<void> {
    const count = await store.expireUploads(leftMs, { signal, isOnlyPushes: true })
    if (count > 0) log.info({ count }, 'abandoned uploads dropped')
  }

  async function forgetGone({ gone }: ImageSurvey): Promise<void> {
    for (const [repository, manifests] of gone) {
      // What was asked for a moment ago may be on its way to where it was not found.
      const left = manifests.filter((digest) => now() - (pulled.usedAt(repository, digest) ?? -Infinity) >= recentMs)
      if (left.length > 0) await pulled.forget(repository, { tags: new Set(), manifests: left })
    }
  }

  async function carryOut({ evictions }: EvictionPlan, survey: ImageSurvey, signal?: AbortSignal): Promise<void> {
    const { isOnlyRead, isAlone } = options
    const clock = isAlone ? now : await openStoreClock(objects, now)
    const pace = createPace({ restRatio, signal })
    for (const [repository, ofIt] of Map.groupBy(evictions, ({ image }) => image.repository)) {
      // They are those of the survey.
      const images = ofIt.map(({ image }) => image as SurveyedImage)
      const done = await evictImages(repository, images, {
        objects,
        store,
        pulled,
        survey,
        isOnlyRead,
        now: clock,
        pace,
      })
      isToCollect ||= done.isUnlinked
      const gone = new Set<PulledImage>(done.evicted)
      for (const eviction of ofIt) if (gone.has(eviction.image)) tell(eviction)
    }
    await collectIfNeeded(signal)
  }

  /** A collection that is under way has not seen that the links are gone: another one is needed. */
  async function collectIfNeeded(signal?: AbortSignal): Promise<void> {
    if (!isToCollect) return
    try {
      await collect(signal)
      isToCollect = false
    } catch (error) {
      if (!isFault(error, 'conflict')) throw error
    }
  }

  function tell({ image, reason, bytes }: Eviction): void {
    meter.add(evictionMetrics.evictedImages, { reason })
    meter.add(evictionMetrics.evictedBytes, { reason }, bytes)
    const { repository, root, usedAt } = image
    log.info({ repository, digest: root, reason, bytes, usedAt: new Date(usedAt).toISOString() }, 'image evicted')
  }

  /** Whether bytes may be left of a process that was killed over them; what else is marked goes with them. */
  async function isLeft(): Promise<boolean> {
    const any = async (items: AsyncIterable<unknown>): Promise<boolean> => {
      for await (const _ of items) return true
      return false
    }
    return (await any(pulled.all())) && (await any(objects.list(condemnedPrefix)))
  }

  async function isDue(): Promise<boolean> {
    const { budgetBytes, shortWithRefusedBytes } = await room()
    const { plan, at } = last ?? {}
    const isUnsettled = plan !== undefined && (plan.stillShortBytes > 0 || plan.leftBytes > budgetBytes)
    const sinceLookMs = at === undefined ? undefined : now() - at
    return isLookDue({
      sinceLookMs,
      pulledBytes: plan?.leftBytes ?? 0,
      cameBytes,
      budgetBytes,
      shortBytes: shortWithRefusedBytes,
      isUnsettled,
    })
  }

  /** Says whether it came to an end. */
  async function tryTo(what: string, work: () => Promise<unknown>, signal: AbortSignal): Promise<boolean> {
    try {
      await work()
      return true
    } catch (err) {
      if (signal.aborted) return false
      if (!isFault(err)) throw err
      log.warn({ err }, what)
      return false
    }
  }

  return {
    came: (bytes) => void (cameBytes += bytes),
    refused(bytes) {
      refusedBytes = Math.max(refusedBytes, bytes)
      wake.resolve()
    },
    look,

    async run(signal) {
      let flushedAt = now()
      const lookForRest = async (): Promise<void> => void (isToCollect = await isLeft())
      await tryTo('what is left of evicted images not looked for', lookForRest, signal)
      const lookIfDue = async (): Promise<void> => {
        await collectIfNeeded(signal)
        // What is to become free is not missing.
        if (!isToCollect && (await isDue())) await look(signal)
      }
      while (!signal.aborted) {
        const isDone = await tryTo('pulled images not looked through', lookIfDue, signal)
        // Being stopped is how this ends.
        await Promise.race([
          delay(isDone ? everyMs : failedMs, undefined, { signal }).catch(() => undefined),
          wake.promise,
        ])
        wake = Promise.withResolvers<void>()
        if (now() - flushedAt < flushEveryMs && !signal.aborted) continue
        await tryTo('uses of images not written down', () => pulled.flush(), signal)
        flushedAt = now()
      }
    },

    samples() {
      if (!last) return []
      const { budgetBytes, pulledBytes, pulledImages, shortBytes } = evictionMetrics
      return [
        sample(pulledBytes, {}, last.plan.leftBytes + cameBytes),
        sample(pulledImages, {}, last.images),
        sample(shortBytes, {}, last.plan.stillShortBytes),
        ...(limits.budget && 'bytes' in limits.budget ? [sample(budgetBytes, {}, limits.budget.bytes)] : []),
      ]
    },
  }
}

function factsOf({ pulledBytes, stillShortBytes }: EvictionPlan): Readonly<Record<string, number>> {
  return { pulledBytes, stillShortBytes }
}
