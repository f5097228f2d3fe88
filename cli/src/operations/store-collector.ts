import { controllerRoots } from '@stowage/controller/mirroring/controller-roots'
import { createPulledImages, pulledRoots } from '@stowage/mirror/eviction/pulled-images'
import type { Meter } from '@stowage/mirror/metrics/meter'
import { createGarbageCollector, type GarbageCollector } from '@stowage/mirror/store/gc/garbage-collector'
import type { CollectionRules } from '@stowage/mirror/store/gc/plan-links'
import type { Logger } from 'pino'
import type { DataStore } from '../data-store.ts'

export interface StoreCollectorOptions extends Pick<DataStore, 'objects' | 'directory'> {
  readonly rules?: Partial<CollectionRules>
  /** Others are served meanwhile. */
  readonly isServing: boolean
  readonly log?: Logger | undefined
  readonly meter?: Meter | undefined
}

const hourMs = 3600_000
/** A collection takes a thirtieth of the time from those who are served. */
const servingRest = 29

/** How long what nothing keeps is kept, unless somebody says otherwise. */
const defaultRules: CollectionRules = { graceMs: 24 * hourMs, untaggedMs: 7 * 24 * hourMs, youngMs: hourMs }

/** The collector of a store that may be a controller's, too. */
export function createStoreCollector(options: StoreCollectorOptions): GarbageCollector {
  const { objects, directory, rules, isServing, log, meter } = options
  const pulled = createPulledImages(objects, { now: Date.now, log })
  return createGarbageCollector({
    objects,
    roots: [controllerRoots(objects), () => pulledRoots(pulled)],
    rules: { ...defaultRules, ...rules },
    // A directory is locked; a bucket may have other processes.
    isAlone: directory !== undefined,
    restRatio: isServing ? servingRest : 0,
    meter,
  })
}
