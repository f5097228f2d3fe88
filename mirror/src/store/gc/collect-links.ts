import type { Digest } from '../../oci/digest.ts'
import { formatLink } from '../content/link.ts'
import { linkKey } from '../content/content-keys.ts'
import type { ObjectStore } from '../object-store.ts'
import type { Pace } from './pace.ts'
import { closureOf, planLinks, type CollectionRules, type LinksPlan } from './plan-links.ts'
import type { ReadManifests } from './read-manifests.ts'
import { severalAtOnce } from './several-at-once.ts'
import type { ReadLink, ReadRepository } from './read-repository.ts'

export interface CollectLinksOptions {
  readonly objects: ObjectStore
  readonly rules: CollectionRules
  /** What sets, holds and others name in this repository. */
  readonly roots: ReadonlySet<Digest>
  readonly isPushedTo: boolean
  /** When the collection began, epoch milliseconds. */
  readonly now: number
  /** The time, epoch milliseconds. */
  readonly clock: () => number
  readonly pace: Pace
  /** Is kept up to date. */
  readonly progress?: { condemned: number; deleted: number } | undefined
  readonly isDryRun: boolean
}

/** What became of one repository. */
export interface CollectedLinks {
  readonly condemned: number
  readonly pardoned: number
  readonly deleted: ReadonlySet<Digest>
  /** Why garbage in it is not looked for. */
  readonly trouble: string | undefined
}

/** Decides about the links of a repository and carries it out. Every write is about the version that was read. */
export async function collectLinks(
  repository: ReadRepository,
  manifests: ReadManifests,
  options: CollectLinksOptions,
): Promise<CollectedLinks> {
  const { links } = repository
  const { edges } = manifests
  const { objects, pace, isDryRun, clock, progress = { condemned: 0, deleted: 0 } } = options
  const trouble = troubleOf(repository, manifests)
  const plan = planLinks({ ...options, links, edges, roots: rootsIn(repository, manifests, options) })
  const deleted = new Set<Digest>()
  const counts = { condemned: plan.condemn.length, pardoned: plan.pardon.length, trouble }
  if (isDryRun) return { ...counts, deleted: new Set(deletable(plan, repository, manifests)) }

  await severalAtOnce(plan.pardon, pace, (digest) => write(digest, undefined))
  await severalAtOnce(plan.condemn, pace, async (digest) => {
    // Who was told of it until now, and wrote nothing for that, has the whole grace.
    await write(digest, clock())
    progress.condemned++
  })
  const doomed = new Set(plan.doomed)
  const spared = closureOf(
    [...links.keys()].filter((digest) => !doomed.has(digest)),
    edges,
  )
  // Parents one by one, before anything that is nobody's parent: what one of them needs that is left must be known.
  for (const digest of plan.doomed) {
    if (!edges.has(digest)) continue
    await pace()
    await remove(digest)
  }
  const leaves = plan.doomed.filter((digest) => !edges.has(digest))
  await severalAtOnce(leaves, pace, remove)
  await forgetReferrers(repository, deleted, options)
  return { ...counts, deleted }

  function linkOf(digest: Digest): ReadLink {
    const link = links.get(digest)
    if (!link) throw new Error(`${digest} is planned for, and not among the links`)
    return link
  }

  async function remove(digest: Digest): Promise<void> {
    if (spared.has(digest)) return
    const { info } = linkOf(digest)
    if (await objects.delete(info.key, info.etag)) {
      deleted.add(digest)
      progress.deleted++
    } else {
      // Somebody needs it again, and so all that belongs to it.
      for (const needed of closureOf([digest], edges)) spared.add(needed)
    }
  }

  /** Who was faster knows more: the next collection looks again. */
  async function write(digest: Digest, condemnedAt: number | undefined): Promise<void> {
    const { info, link } = linkOf(digest)
    await objects.putIfMatch(info.key, info.etag, formatLink({ ...link, condemnedAt }))
  }
}

function deletable(plan: LinksPlan, { links }: ReadRepository, { edges }: ReadManifests): Digest[] {
  const doomed = new Set(plan.doomed)
  const spared = closureOf(
    [...links.keys()].filter((digest) => !doomed.has(digest)),
    edges,
  )
  return plan.doomed.filter((digest) => !spared.has(digest))
}

/** What cannot be read might need anything: then only what is damaged itself, and kept by nothing, can be garbage. */
function rootsIn(
  { links, tagged, unreadable, unreadableTags }: ReadRepository,
  { damaged }: ReadManifests,
  { roots }: CollectLinksOptions,
): Digest[] {
  const known = [...tagged, ...roots]
  if (unreadableTags.length > 0 || unreadable.size > 0) return [...known, ...links.keys()]
  return damaged.size > 0 ? [...known, ...[...links.keys()].filter((digest) => !damaged.has(digest))] : known
}

function troubleOf({ unreadable, unreadableTags }: ReadRepository, { damaged }: ReadManifests): string | undefined {
  const [tag] = unreadableTags
  if (tag !== undefined) return `tag ${tag} cannot be read; push it again, or delete it`
  const [link] = unreadable
  if (link !== undefined) return `the link to ${link} cannot be read; push it again, or let fsck repair it`
  const [manifest] = damaged
  return manifest && `manifest ${manifest} is damaged; push it again, or delete it`
}

/** Takes entries out of lists whose manifest is gone. */
async function forgetReferrers(
  { name, referrers, links }: ReadRepository,
  deleted: ReadonlySet<Digest>,
  { objects, pace }: CollectLinksOptions,
): Promise<void> {
  for (const { referrer, object } of referrers) {
    if (links.has(referrer) && !deleted.has(referrer)) continue
    await pace()
    const { key, etag } = object.info
    const isLinked = async (): Promise<boolean> => (await objects.head(linkKey(name, referrer))) !== undefined
    if ((await isLinked()) || !(await objects.delete(key, etag))) continue
    // It came again meanwhile, and where versions cannot be told apart by their etags its entry may have been deleted.
    if (await isLinked()) await objects.putIfAbsent(key, object.bytes)
  }
}
