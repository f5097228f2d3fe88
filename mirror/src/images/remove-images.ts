import type { FetchOptions } from '../content.ts'
import type { Digest } from '../oci/digest.ts'
import { Fault, isFault } from '../oci/fault.ts'
import type { ImagePlace } from './image-place.ts'
import { tagsOf } from './inspect-image.ts'
import { wordOf, type MirrorReference } from './mirror-reference.ts'
import { planRemoval, type Removal, type RemovalPlan } from './plan-removal.ts'

export interface RemoveImagesOptions extends FetchOptions {
  /** Each with a tag or a digest. */
  readonly references: readonly MirrorReference[]
  /** Takes away also what others need. */
  readonly isForced?: boolean | undefined
  /** Says what would be done, and does nothing. */
  readonly isDryRun?: boolean | undefined
}

/**
 * Takes tags and manifests away; bytes become free with the next collection of garbage. Nothing is done unless all of it can be.
 * @throws Fault not-found | conflict (something else would go with it, or lose a part) | invalid | denied | unavailable
 */
export async function removeImages(place: ImagePlace, options: RemoveImagesOptions): Promise<readonly Removal[]> {
  const { references, isForced = false, isDryRun = false, signal } = options
  const byRepository = Map.groupBy(references, ({ repository }) => repository)
  const plans: RemovalPlan[] = []
  for (const [repository, own] of byRepository) plans.push(await planIn(repository, own))
  const unknown = plans.flatMap((plan) => plan.unknown)
  if (unknown.length > 0) throw new Fault('not-found', `${place.name} does not have ${unknown.join(', ')}`)
  for (const { repository, tag, digest } of references) {
    await place.checkRemovable?.(repository, wordOf({ tag, digest }), { signal })
  }
  const objections = plans.flatMap((plan) => plan.objections)
  if (objections.length > 0 && !isForced)
    throw new Fault('conflict', `${objections.join('\n')}\n--force does it all the same`)
  const removals = plans.flatMap((plan) => plan.removals)
  if (!isDryRun) for (const removal of removals) await remove(removal)
  return removals

  async function planIn(repository: string, own: readonly MirrorReference[]): Promise<RemovalPlan> {
    const tags = await tagsOf(place, { repository, signal })
    const digests = own.flatMap(({ tag, digest }) => (tag === undefined && digest ? [digest] : []))
    const absent = []
    for (const digest of digests) if (!(await isThere(repository, digest))) absent.push(`${repository}@${digest}`)
    const indexes = digests.length === 0 ? new Map() : await indexesIn(repository, tags)
    const plan = planRemoval(repository, own, { tags, indexes })
    return { ...plan, unknown: [...plan.unknown, ...absent] }
  }

  async function isThere(repository: string, digest: Digest): Promise<boolean> {
    try {
      await place.source.resolve(repository, digest, { signal })
      return true
    } catch (error) {
      if (isFault(error, 'not-found')) return false
      throw error
    }
  }

  /** Of a registry only indexes with a tag are known. */
  async function indexesIn(repository: string, tags: ReadonlyMap<string, Digest>): Promise<Map<Digest, Digest[]>> {
    const found = new Map<Digest, Digest[]>()
    for (const digest of await rootsIn(repository, tags)) {
      for (const child of await childrenOf(repository, digest)) {
        found.set(child, [...(found.get(child) ?? []), digest])
      }
    }
    return found
  }

  async function rootsIn(repository: string, tags: ReadonlyMap<string, Digest>): Promise<Set<Digest>> {
    const roots = new Set(tags.values())
    if (!place.manifests) return roots
    for await (const { digest } of place.manifests(repository, { signal })) roots.add(digest)
    return roots
  }

  async function childrenOf(repository: string, digest: Digest): Promise<Digest[]> {
    try {
      const manifest = await place.source.manifest(repository, digest, { signal })
      return manifest.kind === 'index' ? manifest.manifests.map((child) => child.digest) : []
    } catch (error) {
      // What is damaged, or has just gone, keeps nothing.
      if (isFault(error, 'not-found') || isFault(error, 'corrupt')) return []
      throw error
    }
  }

  async function remove(removal: Removal): Promise<void> {
    signal?.throwIfAborted()
    const { repository } = removal
    // Somebody may have been faster.
    if (removal.kind === 'tag') await place.deleteTag(repository, removal.tag, { signal })
    else await place.deleteManifest(repository, removal.digest, { signal })
  }
}
