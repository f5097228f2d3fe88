import type { Assignment, AssignmentEntry } from '@stowage/mirror/edge/assignment'
import type { Digest } from '@stowage/mirror/oci/digest'

export interface HoldBackInput {
  /** What each node was told last. */
  readonly previous: ReadonlyMap<string, Assignment>
  /** When that was, epoch milliseconds; absent if it was before this process. */
  readonly publishedAt: ReadonlyMap<string, number>
  /** Bytes of a set as nodes fetch it. */
  readonly sizeOf: (set: Digest) => number
  /** More versions are about to land in the mirror. */
  readonly isBusy: boolean
  /** Epoch milliseconds. */
  readonly now: number
}

export interface HoldBack {
  readonly publish: readonly Assignment[]
  /** When the rest may be published, epoch milliseconds; Infinity if there is none. */
  readonly nextAt: number
}

/** Sets up to this are nothing to speak of. */
const smallBytes = 8 * 1024
/** What sets may take of a link while the mirror fills. */
const bytesPerSecond = 1024
const longestMs = 5 * 60_000
/** To write down and send one assignment, to have it read, and to hear what became of it, in milliseconds. */
const eachMs = 30

/**
 * While the mirror fills, every image that lands changes its set, and a long list is fetched anew by all its nodes each time.
 * Those that differ only in such sets wait until it was worth it, for the node and for the many that there are, or until the
 * mirror is done.
 */
export function holdBack(changed: readonly Assignment[], input: HoldBackInput): HoldBack {
  const leastMs = changed.length * eachMs
  const timed = changed.map((assignment) => ({ assignment, at: notBefore(assignment, { ...input, leastMs }) }))
  const held = timed.filter(({ at }) => at > input.now)
  return {
    publish: timed.filter(({ at }) => at <= input.now).map(({ assignment }) => assignment),
    nextAt: held.reduce((first, { at }) => Math.min(first, at), Infinity),
  }
}

function notBefore(
  assignment: Assignment,
  { previous, publishedAt, sizeOf, isBusy, leastMs }: HoldBackInput & { readonly leastMs: number },
): number {
  const old = previous.get(assignment.node)
  const last = publishedAt.get(assignment.node)
  if (!isBusy || !old || last === undefined || shapeOf(old) !== shapeOf(assignment)) return 0
  const known = new Set(old.entries.map(({ set }) => set))
  const fresh = new Set(assignment.entries.map(({ set }) => set)).difference(known)
  const bytes = [...fresh].reduce((total, set) => total + (set ? sizeOf(set) : 0), 0)
  const worthMs = bytes <= smallBytes ? 0 : (bytes / bytesPerSecond) * 1000
  return last + Math.min(longestMs, Math.max(leastMs, worthMs))
}

/** All of an assignment but which sets its lists are. */
function shapeOf({ epoch, entries }: Assignment): string {
  return JSON.stringify([epoch, entries.map((entry: AssignmentEntry) => ({ ...entry, set: entry.set !== null }))])
}
