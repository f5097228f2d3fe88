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
  /** Manifests that only stay because they are new. */
  readonly untagged: readonly Digest[]
  /** Condemned, and not for as long as the grace. */
  readonly waiting: readonly Digest[]
}

/** Decides what of one repository is garbage. */
export function planLinks({ links, edges, roots, isPushedTo, now, rules }: LinksInput): LinksPlan {
  const { graceMs, untaggedMs, youngMs } = rules
  // Nor is what came by a clock ahead new until then.
  const isNew = ({ isManifest, changedAt, condemnedAt }: FoundLink): boolean =>
    condemnedAt === undefined && Math.abs(now - changedAt) < (isManifest ? untaggedMs : youngMs)
  const newManifests = [...links].filter(([, link]) => link.isManifest && isNew(link)).map(([digest]) => digest)
  const wanted = closureOf(roots, edges)
  const untagged = newManifests.filter((digest) => !wanted.has(digest))
  const kept = wanted.union(closureOf(untagged, edges))

  const pardon: Digest[] = []
  const condemn: Digest[] = []
  const waiting: Digest[] = []
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
    } else {
      waiting.push(digest)
    }
  }
  return { pardon, condemn, doomed: parentsFirst(doomed, edges), untagged, waiting }
}

/** All that can be reached. */
export function closureOf(starts: Iterable<Digest>, edges: Edges): Set<Digest> {
  const reached = new Set(starts)
  // What is added while it is walked is walked too.
  for (const digest of reached) for (const next of edges.get(digest) ?? []) reached.add(next)
  return reached
}

/**
 * Each comes before what it can reach, unless that can reach it, too: who brings a tag says himself what it speaks of, and an index
 * may name its own subject.
 */
function parentsFirst(digests: ReadonlySet<Digest>, edges: Edges): Digest[] {
  const ended: Digest[] = []
  const begun = new Set<Digest>()
  const toDo = [...digests].map((digest) => ({ digest, isEnd: false }))
  for (let next = toDo.pop(); next; next = toDo.pop()) {
    const { digest, isEnd } = next
    if (isEnd) ended.push(digest)
    else if (digests.has(digest) && !begun.has(digest)) {
      begun.add(digest)
      toDo.push({ digest, isEnd: true })
      for (const part of edges.get(digest) ?? []) toDo.push({ digest: part, isEnd: false })
    }
  }
  return ended.reverse()
}
