import type { Logger } from 'pino'
import { versionOf, type Assignment, type AssignmentEntry } from '@stowage/mirror/edge/assignment'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import { backOff } from '../plan/back-off.ts'
import { changeInMs, passagesOf, windowsOf, type Passage } from '../plan/passage.ts'
import { createWindowLook } from '../plan/transfer-window.ts'
import { nextWishes, planRemovals, type Removals } from '../plan/removal.ts'
import type { GoingImage, ImagesView } from '../plan/report-of.ts'
import { knownEntries, obeyedEntries, wantedOf, type KnownEntry, type Wanted } from '../plan/wanted.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Assignments } from '../state/assignments.ts'
import type { Carried } from '../state/carried.ts'
import type { Attempt, Attempts } from '../state/attempts.ts'
import type { Database } from '../state/database.ts'
import type { Wishes } from '../state/wishes.ts'
import type { PartStore } from '../transfer/part-store.ts'
import type { Wake } from '../wake.ts'
import { carryOut, collectGarbage, goingImages } from './clean-up.ts'
import { setSubjectOf, subjectOf } from './goal.ts'
import type { ImageSync, Situation } from './image-sync.ts'
import type { Library } from './library.ts'

/** What the loop knows, for a report. */
export interface SyncView {
  /** The assignment that the images speak of. */
  readonly assignment: Assignment | undefined
  readonly images: ImagesView
  readonly isBusy: boolean
  /** Why nothing can be done at all. */
  readonly trouble: string | undefined
}

/** Makes what the last assignment wants true on this node, and keeps it true. */
export interface Sync {
  /** Runs until the signal fires; what came stays for the next time. */
  run(signal: AbortSignal): Promise<void>
  /**
   * Obeys another assignment from now on, also after a restart; an older one than the last changes nothing.
   * @throws Fault invalid if it is for another node
   */
  obey(assignment: Assignment): Promise<void>
  /** The centre says that this version is what it wants: from then on it holds also for what was carried here on a disk. */
  confirm(version: string | undefined): void
  /** There is a link again: what failed for lack of one is tried at once. */
  linkIsBack(): void
  /** Undefined before the first look is done: until then nothing is known. */
  view(): SyncView | undefined
}

export interface SyncOptions {
  readonly node: string
  readonly db: Database
  readonly assignments: Assignments
  readonly carried: Carried
  readonly wishes: Wishes
  readonly attempts: Attempts
  readonly library: Library
  readonly runtime: Runtime
  readonly parts: PartStore
  readonly imageSync: ImageSync
  readonly wake: Wake
  /** Says that images go, and resolves when that was heard or will not be heard soon. */
  readonly announce: (signal: AbortSignal) => Promise<void>
  /** Told that a report would say something else now. */
  readonly onChange: () => void
  /** How often the world is looked at when nothing seems to have happened, in milliseconds. */
  readonly lookEveryMs: number
  /** Epoch milliseconds. */
  readonly now: () => number
  /** By the centre's clock, which windows go by; undefined while nobody knows. */
  readonly centreNow: () => number | undefined
  readonly random: () => number
  readonly log: Logger
}

/** What one look at the world found. */
interface Look {
  readonly assignment: Assignment
  readonly obeyed: readonly AssignmentEntry[]
  readonly wanted: Wanted
  /** By name of an image. */
  readonly passages: ReadonlyMap<string, Passage>
  readonly situation: Situation
  readonly removals: Removals
}

const nothingSeen: Pick<Situation, 'listed' | 'graphs' | 'heldBack' | 'shut'> = {
  listed: new Map(),
  graphs: new Map(),
  heldBack: [],
  shut: new Set(),
}

export function createSync(options: SyncOptions): Sync {
  const { node, db, assignments, carried, wishes, attempts, library, runtime, parts, imageSync } = options
  const { wake, announce, onChange, lookEveryMs, now, centreNow, random, log } = options
  const stateAt = createWindowLook()
  let last: Look | undefined
  let hasLooked = false
  let going: readonly GoingImage[] = []
  let announced: ReadonlySet<string> = new Set()
  let inUse: ReadonlySet<string> = new Set()
  let failure: Attempt | undefined

  async function known(entries: readonly AssignmentEntry[]): Promise<KnownEntry[]> {
    return knownEntries(entries, await library.setsAtHand(entries.map(({ set }) => set)))
  }

  /** One look at the world and what follows from it; resolves with the milliseconds until the next one. */
  async function look(signal: AbortSignal): Promise<number> {
    const assignment = assignments.latest()
    if (!assignment) return lookEveryMs
    const obeyed = obeyedEntries(assignment, carried.entries())
    const entries = await known(obeyed)
    const wanted = wantedOf(entries)
    wishes.replace(nextWishes(wishes.all(), entries))
    const passages = passagesOf(wanted.terms, centreNow(), stateAt)
    const situation = await imageSync.advance({ ...wanted, passages })
    const removals = planRemovals(wishes.all(), entries, situation.listed)
    last = { assignment, obeyed, wanted, passages, situation, removals }
    going = goingImages(removals, situation.listed).map((image) => ({
      ...image,
      state: inUse.has(image.name) ? 'in-use' : 'removing',
    }))
    onChange()
    const nextMs = Math.min(situation.lookAgainInMs, changeInMs(passages, centreNow()))
    if (wanted.unknownSets.length > 0) return nextMs
    attempts.retain(new Set(wanted.images.map(subjectOf)))
    if (situation.isComplete || situation.needsRoom) await tidyUp(last, signal)
    return nextMs
  }

  async function tidyUp(seen: Look, signal: AbortSignal): Promise<void> {
    const { assignment, situation, removals } = seen
    await sayGoodbye(signal)
    const latest = assignments.latest()
    if (signal.aborted || (latest && versionOf(latest) !== versionOf(assignment))) return
    // What was taken away too early would be there again, and nobody would know that it is to go.
    const isQuiet = (name: string): boolean => !imageSync.isBringing(name)
    const toGo = situation.needsRoom ? [...removals.remove, ...removals.removeLater] : removals.remove
    const [remove, forget] = [toGo.filter(isQuiet), removals.forget.filter(isQuiet)]
    inUse = await carryOut({ remove, forget }, { runtime, wishes, parts, log })
    const left = new Set(removals.removeLater).difference(new Set(remove))
    going = going.flatMap((image) => goingOn(image, left))
    await dropUnneeded(seen)
    onChange()
    if (situation.needsRoom && remove.length > inUse.size) wake.ring()
  }

  function goingOn(image: GoingImage, left: ReadonlySet<string>): GoingImage[] {
    if (inUse.has(image.name)) return [{ ...image, state: 'in-use' }]
    return left.has(image.name) ? [image] : []
  }

  /** Nothing that the centre believes to be here goes before it was told, or has stopped to believe anything. */
  async function sayGoodbye(signal: AbortSignal): Promise<void> {
    const names = new Set(going.map(({ name }) => name))
    if (!names.isSubsetOf(announced)) await announce(signal)
    announced = names
  }

  async function dropUnneeded({ obeyed, wanted, situation }: Look): Promise<void> {
    const { graphs, listed, isComplete } = situation
    const absent = wanted.images.filter(({ name, root }) => listed.get(name)?.digest !== root.digest)
    const needed = absent.flatMap(({ root }) => graphs.get(root.digest) ?? [])
    const isAllRead = isComplete || needed.length === absent.length
    const roots = new Set(wanted.images.map(({ root }) => root.digest))
    await collectGarbage(roots, isAllRead ? needed : undefined, { runtime, wishes, parts, log })
    if (!isComplete) return
    await library.retain(
      obeyed.flatMap(({ set }) => set ?? []),
      graphs.values(),
    )
  }

  /** Looks, and makes of a fault a pause. */
  async function lookOrRest(signal: AbortSignal): Promise<number> {
    try {
      const nextMs = await look(signal)
      if (failure) log.info('trouble is over')
      failure = undefined
      return Math.min(nextMs, lookEveryMs)
    } catch (error) {
      if (!isFault(error)) throw error
      if (failure?.message !== error.message) log.error({ err: error }, 'sync is in trouble')
      failure = backOff('look', error, { previous: failure, now: now(), random })
      return Math.min(failure.delayMs, lookEveryMs)
    } finally {
      hasLooked = true
      onChange()
    }
  }

  function troubleOfSets(): string | undefined {
    for (const digest of last?.wanted.unknownSets ?? []) {
      const attempt = attempts.get(setSubjectOf(digest))
      if (attempt && attempt.code !== 'unavailable') return `a set cannot be read: ${attempt.message}`
    }
    return undefined
  }

  return {
    async run(signal) {
      try {
        while (!signal.aborted) await wake.sleep(await lookOrRest(signal), signal)
      } finally {
        await imageSync.stop()
      }
    },

    async obey(assignment) {
      if (assignment.node !== node) {
        throw new Fault('invalid', `an assignment for node ${assignment.node} came to node ${node}`)
      }
      const before = assignments.latest()
      if (before?.epoch === assignment.epoch && before.sequence >= assignment.sequence) return
      const entries = await known(assignment.entries)
      db.transaction(() => {
        carried.drop()
        assignments.store(assignment)
        wishes.replace(nextWishes(wishes.all(), entries))
      })
      log.info({ assignment: versionOf(assignment), sets: entries.length }, 'assignment changed')
      wake.ring()
    },

    confirm(version) {
      const latest = assignments.latest()
      if (!latest || versionOf(latest) !== version || carried.entries().length === 0) return
      carried.drop()
      log.info({ assignment: version }, 'assignment holds again in place of what was carried here')
      wake.ring()
    },

    linkIsBack() {
      attempts.dropCode('unavailable')
      wake.ring()
    },

    view() {
      if (!hasLooked) return undefined
      const { listed, graphs, heldBack, shut } = last?.situation ?? nothingSeen
      const { phaseOf, attemptOf, bytesHere } = imageSync
      const wanted = last?.wanted.images ?? []
      const windows = windowsOf(shut, last?.passages, centreNow())
      return {
        assignment: last?.assignment,
        images: { wanted, listed, graphs, heldBack, windows, going, phaseOf, attemptOf, bytesHere },
        isBusy: imageSync.isBusy(),
        trouble: failure?.message ?? troubleOfSets(),
      }
    },
  }
}
