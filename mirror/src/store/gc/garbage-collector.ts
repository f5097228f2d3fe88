import { noMeter, sample, type Meter, type Sample } from '../../metrics/meter.ts'
import { Fault } from '../../oci/fault.ts'
import type { ObjectStore } from '../object-store.ts'
import { collectGarbage, type Collection, type CollectGarbageOptions } from './collect-garbage.ts'
import type { RootSource } from './content-root.ts'
import { gcMetrics } from './gc-metrics.ts'
import type { CollectionRules } from './plan-links.ts'
import { createSteadyClock } from './steady-clock.ts'

export interface GarbageCollectorOptions {
  readonly objects: ObjectStore
  /** What is to stay beside what tags, sets and holds name. */
  readonly roots: readonly RootSource[]
  readonly rules: CollectionRules
  /** No other process has the store open. */
  readonly isAlone: boolean
  /** How long a collection rests for which nothing else is said, as a multiple of how long it works, so that others have their share. */
  readonly restRatio: number
  readonly meter?: Meter | undefined
  /** Epoch milliseconds. */
  readonly now?: () => number
  /** Milliseconds, from any beginning, never going back; the sleep of the machine is among them. */
  readonly steadyNow?: () => number
}

export interface CollectOptions extends Pick<
  CollectGarbageOptions,
  'isDryRun' | 'signal' | 'onProgress' | 'restRatio'
> {
  /** Instead of those that it has. */
  readonly rules?: { readonly [Rule in keyof CollectionRules]?: number | undefined } | undefined
}

/** The one that collects the garbage of a store in this process. */
export interface GarbageCollector {
  /** @throws Fault conflict if it is at it already; and what `collectGarbage` throws */
  collect(options?: CollectOptions): Promise<Collection>
  /** How it stands, in numbers. */
  samples(): Sample[]
}

/** A clock that was set by more than this is noticed, in milliseconds. */
const clockSlackMs = 60_000

export function createGarbageCollector(options: GarbageCollectorOptions): GarbageCollector {
  const { meter = noMeter, now = Date.now, steadyNow = createSteadyClock() } = options
  let isBusy = false
  let latest: { readonly at: number; readonly collection: Collection } | undefined
  let clock = { offset: now() - steadyNow(), since: -Infinity }

  /** A day by a clock that was set meanwhile need not have been one: then nothing is deleted for as long as the grace. */
  function graceOf({ graceMs }: CollectionRules): number {
    const [offset, steady] = [now() - steadyNow(), steadyNow()]
    if (Math.abs(offset - clock.offset) > clockSlackMs) clock = { offset, since: steady }
    return steady - clock.since < graceMs ? Infinity : graceMs
  }

  async function collect({ rules: others, isDryRun = false, ...context }: CollectOptions): Promise<Collection> {
    const rules = withOthers(options.rules, others)
    const graceMs = graceOf(rules)
    const { offset } = clock
    const steadyClock = (): number => offset + steadyNow()
    const begunAt = steadyNow()
    const collection = await collectGarbage({
      ...options,
      ...context,
      rules: { ...rules, graceMs },
      restRatio: context.restRatio ?? options.restRatio,
      now: steadyClock,
      isDryRun,
    })
    if (isDryRun) return collection
    latest = { at: now(), collection }
    meter.observe(gcMetrics.duration, {}, (steadyNow() - begunAt) / 1000)
    meter.add(gcMetrics.deletedLinks, {}, collection.links.deleted)
    meter.add(gcMetrics.deletedBlobs, {}, collection.blobs.deleted)
    meter.add(gcMetrics.deletedBytes, {}, collection.blobs.bytesDeleted)
    return collection
  }

  return {
    async collect(asked = {}) {
      if (isBusy) throw new Fault('conflict', 'garbage is being collected there already; ask again when that is done')
      isBusy = true
      try {
        const collection = await collect(asked)
        meter.add(gcMetrics.collections, { result: 'ok' })
        return collection
      } catch (error) {
        meter.add(gcMetrics.collections, { result: 'failed' })
        throw error
      } finally {
        isBusy = false
      }
    },

    samples() {
      if (!latest) return []
      const { at, collection } = latest
      return [
        sample(gcMetrics.lastSuccess, {}, at / 1000),
        sample(gcMetrics.condemnedBytes, {}, collection.blobs.bytesCondemned),
        sample(gcMetrics.leftAlone, {}, collection.leftAlone.length),
      ]
    },
  }
}

function withOthers(rules: CollectionRules, others: CollectOptions['rules'] = {}): CollectionRules {
  const graceMs = others.graceMs ?? rules.graceMs
  // Who gives a short grace does not want to wait for what is young either.
  const youngMs = others.youngMs ?? Math.min(rules.youngMs, graceMs)
  return { graceMs, youngMs, untaggedMs: others.untaggedMs ?? rules.untaggedMs }
}
