import type { Meter, Sample } from '@stowage/mirror/metrics/meter'
import type { OfferedOperation } from '@stowage/mirror/operations/operation'
import type { GarbageCollector } from '@stowage/mirror/store/gc/garbage-collector'
import type { RepairSource } from '@stowage/mirror/store/scrub/repair-source'
import { createScrubber } from '@stowage/mirror/store/scrub/scrubber'
import type { Logger } from 'pino'
import type { CentreStore } from './centre-store.ts'
import { collectNowAndThen } from './collect-now-and-then.ts'
import { expireUploads } from './expire-uploads.ts'
import type { GcFlags } from './gc-options.ts'
import { offeredOperations } from './operations/offered-operations.ts'
import { scrubLoops } from './scrub-loops.ts'
import type { ScrubFlags } from './scrub-options.ts'
import { sweepLeftovers } from './sweep-leftovers.ts'

export interface UpkeepOptions {
  readonly flags: GcFlags & ScrubFlags
  readonly collector: GarbageCollector
  /** Where damaged content can be had from again. */
  readonly sources: readonly RepairSource[]
  readonly log: Logger
  readonly meter: Meter | undefined
}

/** What a store needs of who keeps it: what nobody needs goes, and bytes that went bad are found and brought again. */
export interface Upkeep {
  /** What of it operators may order. */
  readonly operations: readonly OfferedOperation[]
  /** What of it goes on by itself: to be run beside the rest, until their signal. */
  readonly loops: ReadonlyArray<(signal: AbortSignal) => Promise<void>>
  /** How it stands, in numbers. */
  samples(): Sample[]
}

export function createUpkeep(
  store: Pick<CentreStore, 'objects' | 'content' | 'integrity' | 'directory'>,
  { flags, collector, sources, log, meter }: UpkeepOptions,
): Upkeep {
  const { objects, content, directory } = store
  const scrubber = createScrubber({ ...store, sources, isAlone: directory !== undefined, log, meter })
  return {
    operations: offeredOperations({ ...store, collector, scrubber }),
    loops: [
      (signal) => expireUploads(content, { log, signal }),
      (signal) => collectNowAndThen(collector, { everyMs: flags.gcEvery, log, signal }),
      (signal) => sweepLeftovers(objects, { log, signal }),
      ...scrubLoops(scrubber, flags, store),
    ],
    samples: () => [...collector.samples(), ...scrubber.samples()],
  }
}
