import type { RuntimeImage } from '../runtime/runtime.ts'
import type { Wish } from '../state/wishes.ts'
import { wantedOf, type KnownEntry } from './wanted.ts'

/** What becomes of names that nobody wants any more. */
export interface Removals {
  /** To be taken out of the runtime. */
  readonly remove: readonly string[]
  /**
   * To be taken out as well, but a cache that dropped them wants something else that has no digest yet: a new version,
   * looked up a moment later, shares layers with the old one. Another cache's typing error holds nothing back.
   */
  readonly removeLater: readonly string[]
  /** To be left where they are, and not ours any more. */
  readonly forget: readonly string[]
}

/**
 * What is to be remembered of who named what, from what was remembered and from what is asked for now.
 * A name that a cache stopped naming while it still spoke to this node is to be removed, whatever the cache does later;
 * a cache that is gone left its `removal` behind. While a set cannot be read, nothing is concluded from its silence; but
 * a cache that wants nothing of this node any more has said so for good: the centre says it only until we have heard it.
 */
export function nextWishes(remembered: readonly Wish[], entries: readonly KnownEntry[]): Wish[] {
  const named = namedBy(entries)
  const { images, unresolved, unknownSets } = wantedOf(entries)
  const speaking = new Set(entries.map(({ entry }) => entry.cache.uid))
  const withdrawn = speaking.difference(new Set(entries.flatMap(({ entry }) => (entry.set ? [entry.cache.uid] : []))))
  const wanted = new Set(images.map(({ name }) => name))
  const kept = remembered.flatMap((wish): Wish[] => {
    if (named.has(keyOf(wish))) return []
    if (unresolved.has(wish.name)) return [wish]
    if (unknownSets.length > 0) return [withdrawn.has(wish.cache) ? { ...wish, removal: 'remove' } : wish]
    if (wanted.has(wish.name)) return []
    return [speaking.has(wish.cache) ? { ...wish, removal: 'remove' } : wish]
  })
  return [...kept, ...named.values()]
}

/**
 * What is to be done about names that are remembered and wanted no more. Empty while a set cannot be read.
 * Whoever brought an image, a cache that named it may take it away; but if the name has come to mean something
 * that no cache ever meant, that is left alone.
 */
export function planRemovals(
  wishes: readonly Wish[],
  entries: readonly KnownEntry[],
  images: ReadonlyMap<string, RuntimeImage>,
): Removals {
  const { images: wantedImages, unresolved, unknownSets } = wantedOf(entries)
  const removals = { remove: [] as string[], removeLater: [] as string[], forget: [] as string[] }
  if (unknownSets.length > 0) return removals
  const wanted = new Set(wantedImages.map(({ name }) => name))
  const undecided = undecidedCaches(entries, images)
  for (const [name, claims] of Map.groupBy(wishes, (wish) => wish.name)) {
    if (wanted.has(name) || unresolved.has(name)) continue
    const present = images.get(name)
    const isStrange = present && !present.owned && !claims.some(({ digest }) => digest === present.digest)
    const isToGo = claims.some(({ removal }) => removal === 'remove') && !isStrange
    if (!isToGo) removals.forget.push(name)
    else if (claims.some(({ cache }) => undecided.has(cache))) removals.removeLater.push(name)
    else removals.remove.push(name)
  }
  return removals
}

/** Caches that want something of which neither a digest is known nor anything is here. */
function undecidedCaches(
  entries: readonly KnownEntry[],
  images: ReadonlyMap<string, RuntimeImage>,
): ReadonlySet<string> {
  const undecided = entries.filter(({ set }) => set?.unresolved.some((name) => !images.has(name)))
  return new Set(undecided.map(({ entry }) => entry.cache.uid))
}

function namedBy(entries: readonly KnownEntry[]): Map<string, Wish> {
  const wishes = entries.flatMap(({ entry, set }) =>
    (set?.images ?? []).map(({ name, root }): Wish => ({
      name,
      cache: entry.cache.uid,
      digest: root.digest,
      removal: entry.removal,
    })),
  )
  return new Map(wishes.toReversed().map((wish) => [keyOf(wish), wish]))
}

function keyOf({ name, cache }: Pick<Wish, 'name' | 'cache'>): string {
  return `${name} ${cache}`
}
