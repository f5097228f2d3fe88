import { statfs } from 'node:fs/promises'
import { controllerRoots } from '@stowage/controller/mirroring/controller-roots'
import { parseDiskShare, type DiskShare } from '@stowage/mirror/eviction/disk-share'
import { createEvictor, type DiskSpace, type Evictor } from '@stowage/mirror/eviction/evictor'
import { createPulledImages, type PulledImages } from '@stowage/mirror/eviction/pulled-images'
import type { Meter } from '@stowage/mirror/metrics/meter'
import { Fault } from '@stowage/mirror/oci/fault'
import type { ContentStore } from '@stowage/mirror/store/content-store'
import type { GarbageCollector } from '@stowage/mirror/store/gc/garbage-collector'
import { createHolds } from '@stowage/mirror/store/holds'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { GcFlags } from './gc-options.ts'
import { option, parsedBy } from './option.ts'

/** How much room what was fetched from upstreams may take. */
export interface RoomFlags extends Pick<GcFlags, 'gcUntagged'> {
  readonly pullThroughBudget?: DiskShare
  readonly minFree?: DiskShare
  readonly objectsTokenFile?: string
}

/** A collection that makes room takes half of the time from those who are served: without it nothing can come. */
const urgentRest = 1
const defaultMinFree: DiskShare = { share: 0.05 }

/** Adds what is to be said of that room. */
export function withRoomOptions(command: Command): Command {
  return command
    .addOption(
      option(
        '--pull-through-budget <size>',
        'what images that were fetched from upstreams may take, as 50GiB or 20% of the disk; those go first that nobody asked for longest (default: all there is)',
      ).argParser(parsedBy(parseDiskShare)),
    )
    .addOption(
      option(
        '--min-free <size>',
        'how much of the disk is to be free: when it is less, such images go (default: 5%)',
      ).argParser(parsedBy(parseDiskShare)),
    )
}

export interface RoomSurroundings {
  readonly objects: ObjectStore
  readonly store: ContentStore
  /** Undefined if content is kept in a bucket. */
  readonly directory: string | undefined
  readonly collector: Pick<GarbageCollector, 'collect'>
  /** Whether a repository is one of an upstream's, to which nobody can push. */
  readonly isFetched: (repository: string) => boolean
  readonly log: Logger
  readonly meter?: Meter | undefined
}

/** Who notes what is asked for, and who takes it away. */
export interface Room {
  readonly pulled: PulledImages
  readonly evictor: Evictor
}

/** @throws Fault invalid: flags that say nothing of a bucket */
export function createRoom(
  { pullThroughBudget: budget, minFree, gcUntagged, objectsTokenFile }: RoomFlags,
  { objects, store, directory, collector, isFetched, log, meter }: RoomSurroundings,
): Room {
  if (directory === undefined && minFree) throw new Fault('invalid', '--min-free: a bucket does not become full')
  if (directory === undefined && budget && 'share' in budget) {
    throw new Fault('invalid', '--pull-through-budget: a bucket has no size to take a part of; write it as 50GiB')
  }
  const now = Date.now
  const pulled = createPulledImages(objects, { now, log })
  const evictor = createEvictor({
    objects,
    store,
    pulled,
    roots: [controllerRoots(objects), () => createHolds(objects, { now }).held()],
    limits: { budget, minFree: minFree ?? defaultMinFree, keepSupersededMs: gcUntagged },
    disk: directory === undefined ? undefined : () => spaceOf(directory),
    // Who has the token copies to the same names, and takes pushes to them that are not seen here; who else uses a bucket is not known.
    isOnlyRead: (repository) => directory !== undefined && objectsTokenFile === undefined && isFetched(repository),
    // A directory is locked; a bucket may have other processes.
    isAlone: directory !== undefined,
    collect: (signal) => collector.collect({ signal, restRatio: urgentRest }),
    now,
    log,
    meter,
  })
  return { pulled, evictor }
}

async function spaceOf(directory: string): Promise<DiskSpace> {
  try {
    const { bsize, blocks, bavail } = await statfs(directory)
    return { size: bsize * blocks, free: bsize * bavail }
  } catch (cause) {
    throw new Fault('unavailable', `${directory}: its disk cannot be looked at; is it mounted?`, { cause })
  }
}
