import type { Logger } from 'pino'
import type { ContentSource } from '@stowage/mirror/content'
import type { AssignmentEntry } from '@stowage/mirror/edge/assignment'
import type { ImageReport } from '@stowage/mirror/edge/report'
import type { DesiredImage } from '@stowage/mirror/edge/set'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { FaultCode } from '@stowage/mirror/oci/fault'
import type { Platform } from '@stowage/mirror/oci/platform'
import { openDataDirectory, type DataDirectory } from './data-directory.ts'
import type { FileSystem } from './files/file-system.ts'
import { nextWishes, planRemovals } from './plan/removal.ts'
import { imageReportsOf } from './plan/report-of.ts'
import { knownEntries, obeyedEntries, wantedOf } from './plan/wanted.ts'
import type { Runtime } from './runtime/runtime.ts'
import { createFleetingAttempts } from './state/attempts.ts'
import { carryOut } from './sync/clean-up.ts'
import type { ImageSync, Situation } from './sync/image-sync.ts'
import type { Library } from './sync/library.ts'
import { defaultSyncLimits, openImageSync, type SyncLimits } from './sync/open-image-sync.ts'
import { createWake } from './wake.ts'

export interface SyncOnceOptions {
  readonly images: readonly DesiredImage[]
  /**
   * Of which caches these images are, if that is known; the source has the sets. From then on, and until the centre is
   * heard of again, the node obeys them as it obeys an assignment: what such a cache names no more leaves.
   */
  readonly entries?: readonly AssignmentEntry[]
  /** A bundle, say. */
  readonly source: ContentSource
  readonly dataDirectory: string
  readonly files: FileSystem
  readonly runtime: Runtime
  readonly platform: Platform
  readonly limits?: Partial<SyncLimits>
  /** Told now and then how far each image has come. */
  readonly onProgress?: (images: readonly ImageReport[]) => void
  readonly log: Logger
}

/** How it ended for one image. */
export interface ImageOutcome {
  readonly name: string
  readonly digest: Digest
  /** Undefined if the image is present now. */
  readonly failure: { readonly code: FaultCode; readonly message: string } | undefined
}

const progressEveryMs = 100

/**
 * Brings images into the runtime of a node on which no agent runs: the way that an agent takes, each image tried once.
 * What came of images that failed stays for the next time, and nothing is taken away before all of them are present.
 * @throws Fault conflict (an agent uses the data directory) | invalid | denied | no-space | unavailable; the reason of `signal`
 */
export async function syncOnce(options: SyncOnceOptions, signal: AbortSignal): Promise<ImageOutcome[]> {
  const { images, dataDirectory, files, log, onProgress = () => {} } = options
  await using data = await openDataDirectory({ directory: dataDirectory, files, log })
  const bug = Promise.withResolvers<never>()
  bug.promise.catch(() => {
    // It is thrown where it is waited for.
  })
  const wake = createWake()
  let situation: Situation | undefined
  let saidAt = 0
  const { imageSync, library } = openImageSync({
    ...options,
    data: { ...data, attempts: createFleetingAttempts() },
    limits: { ...defaultSyncLimits, ...options.limits },
    // By a clock that stands still no pause ever ends: nothing is tried twice.
    now: () => 0,
    random: () => 0,
    onBytes() {
      if (!situation || performance.now() - saidAt < progressEveryMs) return
      saidAt = performance.now()
      onProgress(reportsOf(images, imageSync, situation))
    },
    onEnd: () => wake.ring(),
    onBug: bug.reject,
  })
  try {
    for (;;) {
      situation = await imageSync.advance({ images, unknownSets: [] })
      onProgress(reportsOf(images, imageSync, situation))
      if (situation.isIdle) break
      await Promise.race([wake.sleep(Infinity, signal), bug.promise])
      signal.throwIfAborted()
    }
    if (situation.isComplete) await tidyUp(options, { imageSync, library, data, signal })
  } finally {
    await imageSync.stop()
  }
  return outcomesOf(reportsOf(images, imageSync, situation))
}

function reportsOf(
  wanted: readonly DesiredImage[],
  { phaseOf, attemptOf, bytesHere }: ImageSync,
  situation: Situation,
): ImageReport[] {
  return imageReportsOf({ ...situation, wanted, going: [], phaseOf, attemptOf, bytesHere }, 0)
}

function outcomesOf(reports: readonly ImageReport[]): ImageOutcome[] {
  return reports.map(({ name, digest, state, fault }) => ({
    name,
    digest,
    failure: state === 'present' ? undefined : (fault ?? { code: 'unavailable', message: 'it was not brought' }),
  }))
}

interface TidyUp {
  readonly imageSync: ImageSync
  readonly library: Library
  readonly data: DataDirectory
  readonly signal: AbortSignal
}

/** Notes whose images these are, and lets go what nobody wants any more. */
async function tidyUp(
  { images, entries = [], runtime, log }: SyncOnceOptions,
  { imageSync, library, data, signal }: TidyUp,
): Promise<void> {
  for (const { set } of entries) if (set !== null) await library.learnSet(set, signal)
  const carried = obeyedEntries({ entries: data.carried.entries() }, entries)
  const obeyed = obeyedEntries(data.assignments.latest(), carried)
  const known = knownEntries(obeyed, await library.setsAtHand(obeyed.map(({ set }) => set)))
  const wanted = wantedOf(known)
  data.db.transaction(() => {
    data.carried.store(carried)
    data.wishes.replace(nextWishes(data.wishes.all(), known))
  })
  if (wanted.unknownSets.length > 0) return
  // All of them are here: what is left is to hold them as their lists say.
  await imageSync.advance({ ...wanted, images, unknownSets: [] })
  const listed = new Map((await runtime.list()).map((image) => [image.name, image]))
  const { remove } = planRemovals(data.wishes.all(), known, listed)
  await carryOut({ remove, forget: [] }, { ...data, runtime, log })
  await runtime.collect(new Set([...images, ...wanted.images].map(({ root }) => root.digest)))
}
