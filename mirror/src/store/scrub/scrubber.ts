import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { noMeter, sample, type Meter, type Sample } from '../../metrics/meter.ts'
import type { RunOperation } from '../../operations/operation.ts'
import type { ContentStore } from '../content-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { createByteRate } from './byte-rate.ts'
import type { Integrity } from './integrity.ts'
import { createMender, type Mender } from './mender.ts'
import { mendInBackground } from './mend-in-background.ts'
import type { RepairSource } from './repair-source.ts'
import { scrubInBackground } from './scrub-in-background.ts'
import { scrubMetrics } from './scrub-metrics.ts'
import { scrubNow } from './scrub-now.ts'
import type { ScrubOptions, ScrubProgress, ScrubResult } from './scrub-operation.ts'
import type { ScrubState } from './scrub-state.ts'

export interface ScrubberOptions {
  readonly objects: ObjectStore
  /** That of all who read from the same store. */
  readonly integrity: Integrity
  readonly content: ContentStore
  /** Where damaged content can be had from again. */
  readonly sources: readonly RepairSource[]
  /** No other process has the store open: what one was at is gone on with at once, however it ended. */
  readonly isAlone?: boolean | undefined
  readonly log: Logger
  readonly meter?: Meter | undefined
  /** Epoch milliseconds. */
  readonly now?: () => number
}

export interface ScrubbingOptions {
  readonly bytesPerSecond: number
  /** From the beginning of a pass to that of the next one, in milliseconds. */
  readonly everyMs: number
  readonly signal: AbortSignal
}

/** The one that looks after the bytes of a store in this process. */
export interface Scrubber {
  readonly mender: Mender
  readonly scrubNow: RunOperation<ScrubOptions, ScrubProgress, ScrubResult>
  /** Re-hashes everything again and again until the signal. */
  scrub(options: ScrubbingOptions): Promise<void>
  /** Brings back what a scrub or a reader found damaged, until the signal. */
  mend(signal: AbortSignal): Promise<void>
  /** How it stands, in numbers. */
  samples(): Sample[]
}

export function createScrubber(options: ScrubberOptions): Scrubber {
  const { objects, integrity, log, meter = noMeter, now = Date.now } = options
  const mender = createMender({
    ...options,
    onSettled(digest, mending) {
      log.info({ digest, mending }, 'damaged blob settled')
      if (mending === 'mended') meter.add(scrubMetrics.mended, {})
    },
  })
  const owner = options.isAlone ? 'alone' : randomUUID()
  let damage = Promise.withResolvers<void>()
  let missed: number | undefined
  let last: ScrubState['last'] = null

  integrity.onDamaged((digest, size) => {
    log.error({ digest, size }, 'damaged blob taken out of service')
    meter.add(scrubMetrics.damaged, {})
    damage.resolve()
    damage = Promise.withResolvers<void>()
  })

  return {
    mender,
    scrubNow: scrubNow({ objects, integrity, mender }),

    scrub: ({ bytesPerSecond, ...rest }) =>
      scrubInBackground({
        ...rest,
        objects,
        integrity,
        log,
        now,
        owner,
        rate: createByteRate({ bytesPerSecond }),
        onBytes: (bytes) => meter.add(scrubMetrics.scrubbedBytes, {}, bytes),
        onEnded: (pass) => void (last = pass),
      }),

    mend: (signal) =>
      mendInBackground({
        mender,
        log,
        signal,
        nextDamage: () => damage.promise,
        onMissed: (count) => void (missed = count),
      }),

    samples: () => [
      ...(missed === undefined ? [] : [sample(scrubMetrics.missed, {}, missed)]),
      ...(last === null ? [] : [sample(scrubMetrics.lastPass, {}, last.endedAt / 1000)]),
      ...(last === null ? [] : [sample(scrubMetrics.unreadable, {}, last.tally.unreadable)]),
    ],
  }
}
