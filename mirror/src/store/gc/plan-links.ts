import type { Digest } from '../../oci/digest.ts'

/** A link of a repository as a collection found it. Times are epoch milliseconds. */
export interface FoundLink {
  readonly isManifest: boolean
  readonly changedAt: number
  readonly condemnedAt: number | undefined
}

/** What belongs together in a repository: from a manifest to its parts, and to what speaks of it. */
export type Edges = ReadonlyMap<Digest, readonly Digest[]>

export interface LinksInput {
  readonly links: ReadonlyMap<Digest, FoundLink>
  readonly edges: Edges
  /** What tags, sets and holds name. */
  readonly roots: Iterable<Digest>
  /** Somebody pushes to the repository: the blobs that are there may be parts of what comes. */
  readonly isPushedTo: boolean
  /** When the collection began, epoch milliseconds. */
  readonly now: number
  readonly rules: CollectionRules
}

/** How long what nothing keeps is kept all the same, in milliseconds. */
export interface CollectionRules {
  /** From when it is condemned until it may be deleted: so long an existence answer holds. */
  readonly graceMs: number
  /** A manifest, from when it was pushed or lost its last tag until it is condemned. */
  readonly untaggedMs: number
  /** A blob, from when it came until it is condemned: pushes that end soon need not revive anything. */
  readonly youngMs: number
}

/** What is to become of links; what is in none of these lists stays as it is. */
export interface LinksPlan {
  readonly pardon: readonly Digest[]
  readonly condemn: readonly Digest[]
  /** May be deleted in this order: parents before their parts, each only if nothing that is left needs it. */
  readonly doomed: readonly Digest[]
}

/** Decides what of one repository is garbage. */
export function planLinks({ links, edges, roots, isPushedTo, now, rules }: LinksInput): LinksPlan {
  const { graceMs, untaggedMs, youngMs } = rules
  // Nor is what came by a clock ahead new until then.
  const isNew = ({ isManifest, changedAt, condemnedAt }: FoundLink): boolean =>
    condemnedAt === undefined && Math.abs(now - changedAt) < (isManifest ? untaggedMs : youngMs)
  const newManifests = [...links].filter(([, link]) => link.isManifest && isNew(link)).map(([digest]) => digest)
  const kept = closureOf([...roots, ...newManifests], edges)

  const pardon: Digest[] = []
  const condemn: Digest[] = []
  const doomed = new Set<Digest>()
  for (const [digest, link] of links) {
    const { condemnedAt } = link
    if (kept.has(digest) || (isPushedTo && !link.isManifest)) {
      if (condemnedAt !== undefined) pardon.push(digest)
    } else if (condemnedAt === undefined || condemnedAt > now) {
      // A clock that was set back would make the time of grace as long as that.
      if (!isNew(link)) condemn.push(digest)
    } else if (now - condemnedAt >= graceMs) {
      doomed.add(digest)
    }
  }
  return { pardon, condemn, doomed: parentsFirst(doomed, edges) }
}

/** All that can be reached. */
export function closureOf(starts: Iterable<Digest>, edges: Edges): Set<Digest> {
  const reached = new Set(starts)
  // What is added while it is walked is walked too.
  for (const digest of reached) for (const next of edges.get(digest) ?? []) reached.add(next)
  return reached
}

/** Digests cannot name each other in a circle: a manifest is made after its parts, and after its subject. */
function parentsFirst(digests: ReadonlySet<Digest>, edges: Edges): Digest[] {
  const waits = new Map([...digests].map((digest) => [digest, 0]))
  const partsOf = (digest: Digest): Digest[] => (edges.get(digest) ?? []).filter((part) => digests.has(part))
  for (const digest of digests) for (const part of partsOf(digest)) waits.set(part, (waits.get(part) ?? 0) + 1)
  const ordered = [...digests].filter((digest) => waits.get(digest) === 0)
  for (const digest of ordered) {
    for (const part of partsOf(digest)) {
      const left = (waits.get(part) ?? 0) - 1
      waits.set(part, left)
      if (left === 0) ordered.push(part)
    }
  }
  return ordered
}
