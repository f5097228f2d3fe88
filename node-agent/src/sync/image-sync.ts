import type { Logger } from 'pino'
import type { DesiredImage } from '@stowage/mirror/edge/set'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import { admit, shortBytesOf, type Candidate, type HeldBack, type Room } from '../plan/admit.ts'
import { diff, type Step } from '../plan/diff.ts'
import type { Hold, ImageGraph, Runtime, RuntimeImage } from '../runtime/runtime.ts'
import type { Attempt } from '../state/attempts.ts'
import type { PartStore } from '../transfer/part-store.ts'
import { holdOf, isShut, priorityOf, setSubjectOf, subjectOf, subjectsOf, type Goal } from './goal.ts'
import { repositoryOf, type Library } from './library.ts'
import { obeyPassages } from './obey-passages.ts'
import type { Pursuits } from './pursuits.ts'
import { createRoomWatch } from './room-watch.ts'
import type { Transfers } from './transfers.ts'

/** How far it has come, as one look found it. */
export interface Situation {
  readonly listed: ReadonlyMap<string, RuntimeImage>
  readonly graphs: ReadonlyMap<Digest, ImageGraph>
  readonly heldBack: readonly HeldBack[]
  /** Names of images that wait until their bytes may come. */
  readonly shut: ReadonlySet<string>
  /** Nothing is left to be done, except what this node can never run. */
  readonly isComplete: boolean
  /** Nothing is under way: what is not here has failed, or is held back. */
  readonly isIdle: boolean
  /** Something waits for room on a disk. */
  readonly needsRoom: boolean
  /** When to look again at the latest, in milliseconds. */
  readonly lookAgainInMs: number
}

export type Phase = 'fetching' | 'publishing'

/** Brings images into the runtime: each call of `advance` looks at the world anew and sets going what can be done. */
export interface ImageSync {
  readonly advance: (goal: Goal) => Promise<Situation>
  readonly phaseOf: (image: DesiredImage) => Phase | undefined
  /** The last failure, until it succeeds. */
  readonly attemptOf: (image: DesiredImage) => Attempt | undefined
  /** Bytes of an image's blob that lie on this node's disks for certain. */
  readonly bytesHere: (graph: ImageGraph, blob: Digest) => number
  /** Its name may be given yet, also if nobody wants it any more: what the runtime has begun is not cut short. */
  isBringing(name: string): boolean
  /** Something is under way. */
  isBusy(): boolean
  /** Ends everything; what came stays. */
  stop(): Promise<void>
}

export interface ImageSyncOptions {
  readonly library: Library
  readonly runtime: Runtime
  readonly parts: PartStore
  readonly pursuits: Pursuits
  /** Bytes that are to stay free on each disk. */
  readonly reserveBytes: number
  readonly log: Logger
  /** Makes the transfers; `onArrival` is to be told of each blob that the runtime took over. */
  readonly openTransfers: (onArrival: (digest: Digest) => void) => Transfers
}

/** A runtime that loses what it is given is asked so often. */
const mostRounds = 3
const lookForRoomEveryMs = 15_000
/** More than there are: ranks among images of one priority never reach those of another. */
const mostImages = 1e6

export function createImageSync(options: ImageSyncOptions): ImageSync {
  const { library, runtime, parts, pursuits, reserveBytes, log } = options
  const missing = new Map<Digest, Set<Digest>>()
  const phases = new Map<string, Phase>()
  const roomWatch = createRoomWatch(pursuits)
  const transfers = options.openTransfers((digest) => {
    for (const digests of missing.values()) digests.delete(digest)
  })

  function bytesHere({ root, blobs }: ImageGraph, digest: Digest): number {
    if (missing.get(root.digest)?.has(digest) !== false) return parts.durableBytes(digest)
    return blobs.find((blob) => blob.digest === digest)?.size ?? 0
  }
  const allBytesHere = (graph: ImageGraph): number =>
    graph.blobs.reduce((sum, { digest }) => sum + bytesHere(graph, digest), 0)

  async function askRuntime(graph: ImageGraph): Promise<Descriptor[]> {
    const descriptors = await runtime.begin(graph)
    missing.set(graph.root.digest, new Set(descriptors.map(({ digest }) => digest)))
    return descriptors
  }

  /** What keeps one image from beginning is said of that image, when its turn comes; the others are not to wait for it. */
  async function askAhead(graph: ImageGraph): Promise<void> {
    try {
      await askRuntime(graph)
    } catch (error) {
      if (!isFault(error) || isFault(error, 'unavailable') || isFault(error, 'denied')) throw error
    }
  }

  async function fetchMissing(image: DesiredImage, graph: ImageGraph, work: Work): Promise<void> {
    const repository = repositoryOf(image)
    for (let round = 0; ; round++) {
      const blobs = await askRuntime(graph)
      if (blobs.length === 0) return
      if (round === mostRounds) throw new Fault('conflict', `${runtime.name} does not keep the blobs of ${image.name}`)
      const { priority, signal } = work
      await allOf(blobs.map((blob) => transfers.bring({ blob, graph, repository, priority }, signal)))
    }
  }

  async function bring(image: DesiredImage, graph: ImageGraph, work: Work): Promise<void> {
    const subject = subjectOf(image)
    try {
      phases.set(subject, 'fetching')
      await fetchMissing(image, graph, work)
      work.signal.throwIfAborted()
      phases.set(subject, 'publishing')
      await runtime.publish(image.name, graph, work.hold)
      log.info({ reference: image.name, digest: image.root.digest }, 'image present')
    } finally {
      phases.delete(subject)
    }
  }

  function restOf(step: Step): Rest {
    if (step.kind !== 'bring') return aDocument
    const { graph } = step
    const rests = graph.blobs.map((blob) => Math.max(0, blob.size - bytesHere(graph, blob.digest)))
    return { restBytes: rests.reduce((sum, rest) => sum + rest, 0), largestRestBytes: Math.max(0, ...rests) }
  }

  function candidateOf(step: Step & { kind: 'bring' }, goal: Goal): Candidate {
    const { image } = step
    return { image, ...restOf(step), running: pursuits.isRunning(subjectOf(image)), priority: priorityOf(image, goal) }
  }

  /** Ends what is not wanted any more; a blob that an image yet unread may want goes on. */
  function retain(goal: Goal, steps: readonly Step[]): void {
    const setSubjects = goal.unknownSets.map(setSubjectOf)
    pursuits.retain(new Set(subjectsOf(goal)))
    const roots = new Set(goal.images.map(({ root }) => root.digest))
    for (const digest of missing.keys()) if (!roots.has(digest)) missing.delete(digest)
    const unread = [...setSubjects, ...steps.flatMap(({ kind, image }) => (kind === 'learn' ? [subjectOf(image)] : []))]
    if (unread.some((subject) => !pursuits.attemptOf(subject))) return
    transfers.retain(
      new Set(steps.flatMap((step) => (step.kind === 'bring' ? step.graph.blobs.map((b) => b.digest) : []))),
    )
  }

  async function freeRoom(): Promise<Room> {
    const { bytesPerBlobByte } = runtime.capabilities
    const [runtimeBytes, partsBytes] = [await runtime.freeBytes(), await parts.freeBytes()]
    return { runtimeBytes, partsBytes, reserveBytes, bytesPerBlobByte }
  }

  function lookForRoom(goal: Goal, steps: readonly Step[], room: Room): void {
    const rests = new Map(steps.map((step) => [subjectOf(step.image), restOf(step)]))
    roomWatch.look(subjectsOf(goal), {
      lacksRoom: (subject) => shortBytesOf(rests.get(subject) ?? aDocument, room) > 0,
      freeBytes: room.runtimeBytes,
    })
  }

  /** Of what is read for the first time: what failed once keeps nobody waiting. A set may hold images of any priority. */
  function awaitedPriority(goal: Goal, unread: readonly DesiredImage[]): number {
    const isAwaited = (subject: string): boolean => pursuits.isRunning(subject) && !pursuits.attemptOf(subject)
    if (goal.unknownSets.some((digest) => isAwaited(setSubjectOf(digest)))) return Infinity
    return unread
      .filter((image) => isAwaited(subjectOf(image)))
      .reduce((most, image) => Math.max(most, priorityOf(image, goal)), -Infinity)
  }

  const phaseOf = (image: DesiredImage): Phase | undefined => phases.get(subjectOf(image))

  async function startTransfers(
    steps: readonly (Step & { kind: 'bring' })[],
    { goal, room, awaited }: { readonly goal: Goal; readonly room: Room; readonly awaited: number },
  ): Promise<Pick<Situation, 'heldBack' | 'shut'>> {
    const candidates: Candidate[] = []
    const shut = new Set<string>()
    for (const step of steps) {
      const subject = subjectOf(step.image)
      const isRunning = pursuits.isRunning(subject)
      if (!isRunning) await askAhead(step.graph)
      const candidate = candidateOf(step, goal)
      if (!isRunning && isShut(candidate, goal)) shut.add(step.image.name)
      else if (isRunning || pursuits.waitMs(subject) === 0) candidates.push(candidate)
    }
    const { admitted, heldBack } = admit(candidates, room, awaited)
    const graphs = new Map(steps.map(({ image, graph }) => [image, graph]))
    for (const [rank, image] of admitted.entries()) {
      const graph = graphs.get(image)
      if (!graph) continue
      const priority = mostImages * priorityOf(image, goal) - rank
      pursuits.pursue(subjectOf(image), {
        work: (signal) => bring(image, graph, { priority, hold: holdOf(image, goal), signal }),
        progress: () => allBytesHere(graph),
      })
    }
    return { heldBack, shut }
  }

  return {
    bytesHere,
    phaseOf,
    attemptOf: (image) => pursuits.attemptOf(subjectOf(image)),
    isBringing: (name) => phases.keys().some((subject) => subject.startsWith(`${name} `)),
    isBusy: () => transfers.size > 0 || phases.size > 0,

    async advance(goal) {
      const graphs = await library.graphsAtHand(goal.images)
      // Before the runtime is asked: also while it is away nothing comes that may not.
      obeyPassages(goal, { graphs, transfers, pursuits, phaseOf })
      const listed = new Map((await runtime.list()).map((image) => [image.name, image]))
      const steps = diff(goal.images, { images: listed, graphs }, goal)
      for (const { kind, image } of steps) {
        if (kind !== 'adopt') continue
        await runtime.adopt(image.name, holdOf(image, goal))
        log.info({ reference: image.name, digest: image.root.digest }, 'image adopted')
      }
      retain(goal, steps)
      const room = await freeRoom()
      lookForRoom(goal, steps, room)
      for (const digest of goal.unknownSets) {
        pursuits.pursue(setSubjectOf(digest), { work: (signal) => library.learnSet(digest, signal) })
      }
      const unread = goal.images.filter(({ root }) => !graphs.has(root.digest))
      for (const image of unread) {
        pursuits.pursue(subjectOf(image), { work: (signal) => library.learnImage(image, signal) })
      }
      const bringing = steps.filter((step) => step.kind === 'bring')
      const { heldBack, shut } = await startTransfers(bringing, { goal, room, awaited: awaitedPriority(goal, unread) })
      return {
        listed,
        graphs,
        heldBack,
        shut,
        isIdle: !subjectsOf(goal).some((subject) => pursuits.isRunning(subject)),
        isComplete: goal.unknownSets.length === 0 && steps.every(isDoneWith),
        needsRoom: heldBack.length > 0 || bringing.some((step) => faultCodeOf(step) === 'no-space'),
        lookAgainInMs: lookAgainInMs(goal, steps, heldBack),
      }
    },

    async stop() {
      await pursuits.stop()
      await transfers.stop()
    },
  }

  function faultCodeOf({ image }: Step): string | undefined {
    return pursuits.attemptOf(subjectOf(image))?.code
  }

  function isDoneWith(step: Step): boolean {
    return step.kind === 'adopt' || (faultCodeOf(step) === 'invalid' && !pursuits.isRunning(subjectOf(step.image)))
  }

  function lookAgainInMs({ unknownSets }: Goal, steps: readonly Step[], heldBack: readonly HeldBack[]): number {
    const subjects = [...unknownSets.map(setSubjectOf), ...steps.map(({ image }) => subjectOf(image))]
    const waits = subjects.filter((subject) => !pursuits.isRunning(subject)).map((subject) => pursuits.waitMs(subject))
    const needsRoom = heldBack.length > 0 || subjects.some(roomWatch.isWaiting)
    return Math.min(...waits.filter((ms) => ms > 0), needsRoom ? lookForRoomEveryMs : Infinity)
  }
}

type Rest = Pick<Candidate, 'restBytes' | 'largestRestBytes'>

/** A set or a manifest takes next to nothing; only a full disk has no room for it. */
const aDocument: Rest = { restBytes: 1, largestRestBytes: 1 }

interface Work {
  /** Higher goes first. */
  readonly priority: number
  readonly hold: Hold
  readonly signal: AbortSignal
}

/** Waits for all of them, also if some fail; then throws the first failure. */
async function allOf(works: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') throw result.reason
}
