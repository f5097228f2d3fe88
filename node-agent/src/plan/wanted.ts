import type { Assignment, AssignmentEntry } from '@stowage/mirror/edge/assignment'
import type { DesiredImage, DesiredSet } from '@stowage/mirror/edge/set'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { Terms } from './passage.ts'

/** An entry of the assignment together with its set, as far as that is at hand. */
export interface KnownEntry {
  readonly entry: AssignmentEntry
  /** Undefined: the set could not be read yet, or the entry names none (`entry.set` is null). */
  readonly set: DesiredSet | undefined
}

/** All that an assignment asks of a node. */
export interface Wanted {
  /** Each name once, in the order of the assignment. */
  readonly images: readonly DesiredImage[]
  /** Names that some set wants without knowing a digest for them. */
  readonly unresolved: ReadonlySet<string>
  /** Sets that could not be read yet: what they name is not known. */
  readonly unknownSets: readonly Digest[]
  /** By name of an image: the highest that any entry gives it. */
  readonly priorities: ReadonlyMap<string, number>
  /** Names of images that no entry wants to be pinned. */
  readonly unpinned: ReadonlySet<string>
  /** By name of an image: what the caches that want it say of its transfer. */
  readonly terms: ReadonlyMap<string, readonly Terms[]>
}

/**
 * What a node is to obey: its last assignment, and in place of what that says of a cache, what was carried to the node
 * on a disk later on.
 */
export function obeyedEntries(
  assignment: Pick<Assignment, 'entries'> | undefined,
  carried: readonly AssignmentEntry[],
): AssignmentEntry[] {
  const replaced = new Set(carried.map(({ cache }) => cache.uid))
  return [...(assignment?.entries ?? []).filter(({ cache }) => !replaced.has(cache.uid)), ...carried]
}

/** Joins entries with the sets at hand. */
export function knownEntries(entries: readonly AssignmentEntry[], sets: ReadonlyMap<Digest, DesiredSet>): KnownEntry[] {
  return entries.map((entry) => ({ entry, set: entry.set === null ? undefined : sets.get(entry.set) }))
}

/** What these entries want together. Where two sets give one name different digests, the earlier entry is obeyed. */
export function wantedOf(entries: readonly KnownEntry[]): Wanted {
  const images = new Map<string, DesiredImage>()
  const priorities = new Map<string, number>()
  const terms = new Map<string, Terms[]>()
  for (const { entry, set } of entries) {
    for (const { name } of set?.images ?? []) {
      priorities.set(name, Math.max(priorities.get(name) ?? -Infinity, entry.priority ?? 0))
      terms.set(name, [...(terms.get(name) ?? []), { cache: entry.cache.uid, transfer: entry.transfer }])
    }
  }
  for (const image of entries.flatMap(({ set }) => set?.images ?? [])) {
    if (!images.has(image.name)) images.set(image.name, image)
  }
  const named = (some: readonly KnownEntry[]): Set<string> =>
    new Set(some.flatMap(({ set }) => (set?.images ?? []).map(({ name }) => name)))
  const [pinning, others] = [entries.filter(isPinning), entries.filter((known) => !isPinning(known))]
  const unknown = entries.flatMap(({ entry, set }) => (entry.set !== null && !set ? [entry.set] : []))
  return {
    images: [...images.values()],
    unresolved: new Set(entries.flatMap(({ set }) => set?.unresolved ?? [])),
    unknownSets: [...new Set(unknown)],
    priorities,
    terms,
    unpinned: named(others).difference(named(pinning)),
  }
}

function isPinning({ entry }: KnownEntry): boolean {
  return entry.pin !== false
}
