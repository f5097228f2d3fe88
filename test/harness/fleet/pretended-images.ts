import { setTimeout as delay } from 'node:timers/promises'
import type { Assignment } from '@stowage/mirror/edge/assignment'
import type { DesiredImage, DesiredSet } from '@stowage/mirror/edge/set'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import { backOff } from '@stowage/node-agent/plan/back-off'
import { knownEntries, wantedOf } from '@stowage/node-agent/plan/wanted'
import type { ImageGraph, RuntimeImage } from '@stowage/node-agent/runtime/runtime'
import type { Attempt } from '@stowage/node-agent/state/attempts'
import type { SyncView } from '@stowage/node-agent/sync/sync'

/** What all nodes of a simulation read and obey. */
export interface FleetLibrary {
  /** Asked by every node for itself, as each of them has a disk of its own. */
  set(digest: Digest, signal: AbortSignal): Promise<DesiredSet>
  /** Read once for all: its bytes are not what is measured. */
  graph(image: DesiredImage, signal: AbortSignal): Promise<ImageGraph>
  /** Whether an image cannot be brought in on any node. */
  isBroken(name: string): boolean
}

export interface PretendedImagesOptions {
  readonly library: FleetLibrary
  /** How long images take to come, in milliseconds. */
  readonly fetchMs: number
  readonly random: () => number
  /** There is news to report. */
  readonly onChange: () => void
}

/** A node's images, of which no byte comes: what is wanted is there after a while. */
export interface PretendedImages {
  view(): SyncView
  latest(): Assignment | undefined
  obey(assignment: Assignment): void
  /** Until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
}

/** Stands where `createSync` stands in an agent; removes nothing. */
export function createPretendedImages({ library, fetchMs, random, onChange }: PretendedImagesOptions): PretendedImages {
  const listed = new Map<string, RuntimeImage>()
  const attempts = new Map<Digest, Attempt>()
  const graphs = new Map<Digest, ImageGraph>()
  const sets = new Map<Digest, DesiredSet>()
  let fetching = new Set<Digest>()
  let latest: Assignment | undefined
  /** What the images speak of. */
  let looked: Pick<SyncView, 'assignment'> & { readonly wanted: readonly DesiredImage[] } = {
    assignment: undefined,
    wanted: [],
  }
  let wake = Promise.withResolvers<undefined>()

  async function learn({ entries }: Assignment, signal: AbortSignal): Promise<void> {
    const digests = new Set(entries.flatMap(({ set }) => set ?? []))
    for (const digest of digests) if (!sets.has(digest)) sets.set(digest, await library.set(digest, signal))
    for (const digest of sets.keys()) if (!digests.has(digest)) sets.delete(digest)
  }

  async function bringIn(signal: AbortSignal): Promise<void> {
    const missing = looked.wanted.filter(
      ({ name, root }) => listed.get(name)?.digest !== root.digest && !attempts.has(root.digest),
    )
    if (missing.length === 0) return onChange()
    for (const image of missing) graphs.set(image.root.digest, await library.graph(image, signal))
    fetching = new Set(missing.map(({ root }) => root.digest))
    onChange()
    await delay(fetchMs * (0.5 + random()), undefined, { signal })
    for (const { name, root } of missing) {
      if (library.isBroken(name)) attempts.set(root.digest, refused(root.digest))
      else listed.set(name, { name, digest: root.digest, owned: true })
    }
    fetching = new Set()
    onChange()
  }

  function refused(digest: Digest): Attempt {
    const fault = new Fault('invalid', 'the runtime refuses the image: layer 2 has no diff ID')
    return backOff(digest, fault, { now: Date.now(), random })
  }

  async function look(signal: AbortSignal): Promise<void> {
    const assignment = latest
    if (!assignment || assignment === looked.assignment) return
    await learn(assignment, signal)
    looked = { assignment, wanted: wantedOf(knownEntries(assignment.entries, sets)).images }
    const roots = new Set(looked.wanted.map(({ root }) => root.digest))
    for (const known of [attempts, graphs])
      for (const digest of known.keys()) if (!roots.has(digest)) known.delete(digest)
    await bringIn(signal)
  }

  return {
    latest: () => latest,
    obey(assignment) {
      latest = assignment
      wake.resolve(undefined)
    },
    view: () => ({
      assignment: looked.assignment,
      images: {
        wanted: looked.wanted,
        listed,
        graphs,
        going: [],
        heldBack: [],
        phaseOf: ({ root }) => (fetching.has(root.digest) ? 'fetching' : undefined),
        attemptOf: ({ root }) => attempts.get(root.digest),
        bytesHere: () => 0,
      },
      isBusy: fetching.size > 0,
      trouble: undefined,
    }),
    async run(signal) {
      const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      while (!signal.aborted) {
        wake = Promise.withResolvers()
        try {
          await look(signal)
        } catch (error) {
          if (signal.aborted) return
          if (!isFault(error)) throw error
          // The link or the centre: it is tried again.
          await Promise.race([delay(1000), aborted])
          continue
        }
        if (latest === looked.assignment) await Promise.race([wake.promise, aborted])
      }
    },
  }
}
