import type { Digest } from '../oci/digest.ts'
import { referrersTagOf } from '../registry/list-referrers.ts'
import type { MirrorReference } from './mirror-reference.ts'

/** What is known of one repository before something is taken away from it. */
export interface RepositoryState {
  readonly tags: ReadonlyMap<string, Digest>
  /** Indexes that name a manifest, by the manifest. */
  readonly indexes: ReadonlyMap<Digest, readonly Digest[]>
}

/** One thing to be taken away, and what else that does. */
export type Removal =
  | {
      readonly kind: 'tag'
      readonly repository: string
      readonly tag: string
      readonly digest: Digest
      /** No other tag means the same: a collection takes it, unless something else keeps it. */
      readonly isLast: boolean
      /** Tags of signatures and the like that are found by its digest, and stay. */
      readonly speaking: readonly string[]
    }
  | {
      readonly kind: 'manifest'
      readonly repository: string
      readonly digest: Digest
      /** Go with it. */
      readonly tags: readonly string[]
      /** Lose a part with it, and stay. */
      readonly indexes: readonly Digest[]
      readonly speaking: readonly string[]
    }

export interface RemovalPlan {
  readonly removals: readonly Removal[]
  /** Why not all of it may be done unless it is forced: sentences. */
  readonly objections: readonly string[]
  /** Names that mean nothing. */
  readonly unknown: readonly string[]
}

/** Decides what goes when these references of one repository are removed. A tag with a digest must mean that digest. */
export function planRemoval(
  repository: string,
  references: readonly MirrorReference[],
  { tags, indexes }: RepositoryState,
): RemovalPlan {
  const gone = new Set(references.flatMap(({ tag, digest }) => (tag === undefined && digest ? [digest] : [])))
  const named = new Set(references.flatMap(({ tag }) => tag ?? []))
  const removals: Removal[] = []
  const objections: string[] = []
  const unknown: string[] = []

  function addTag(tag: string, expected: Digest | undefined): void {
    const digest = tags.get(tag)
    if (!digest || (expected && expected !== digest)) {
      unknown.push(`${repository}:${tag}${expected ? `@${expected}` : ''}`)
      return
    }
    const isOther = (other: string): boolean => !named.has(other) && tags.get(other) === digest
    const isLast = ![...tags.keys()].some(isOther)
    removals.push({ kind: 'tag', repository, tag, digest, isLast, speaking: isLast ? speakingOf(digest) : [] })
  }

  function addManifest(digest: Digest): void {
    const own = [...tags].filter(([, target]) => target === digest).map(([tag]) => tag)
    const within = (indexes.get(digest) ?? []).filter((index) => !gone.has(index))
    removals.push({ kind: 'manifest', repository, digest, tags: own, indexes: within, speaking: speakingOf(digest) })
    const what = `${repository}@${digest}`
    const others = own.filter((tag) => !named.has(tag))
    if (others.length > 0) objections.push(`${what}: ${others.join(', ')} would go with it`)
    if (within.length > 0) objections.push(`${what}: it is a part of ${within.join(', ')}, which would stay without it`)
  }

  function speakingOf(digest: Digest): string[] {
    return [...tags.keys()].filter((tag) => tag.startsWith(referrersTagOf(digest)) && !named.has(tag))
  }

  for (const tag of named) addTag(tag, references.find((reference) => reference.tag === tag)?.digest)
  for (const digest of gone) addManifest(digest)
  return { removals, objections, unknown }
}
