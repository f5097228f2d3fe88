import type { Digest } from '../../oci/digest.ts'
import { formatLink } from '../content/link.ts'
import { formatTagObject } from '../content/tag-object.ts'
import { linkKey } from '../content/content-keys.ts'
import type { ObjectStore } from '../object-store.ts'
import type { Pace } from './pace.ts'
import { closureOf, planLinks, type CollectionRules, type LinksPlan } from './plan-links.ts'
import type { ReadManifests } from './read-manifests.ts'
import { severalAtOnce } from './several-at-once.ts'
import type { ReadLink, ReadRepository, ReadSpeakingTag } from './read-repository.ts'

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
  readonly untagged: number
  readonly waiting: number
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
  const { objects, rules, pace, isDryRun, now, clock, progress = { condemned: 0, deleted: 0 } } = options
  const trouble = troubleOf(repository, manifests)
  const plan = planLinks({ ...options, links, edges, roots: rootsIn(repository, manifests, options) })
  const speakingTags = Map.groupBy(repository.speakingTags, ({ tag }) => tag.digest)
  const deleted = new Set<Digest>()
  const counts = {
    condemned: plan.condemn.length,
    pardoned: plan.pardon.length,
    untagged: plan.untagged.length,
    waiting: plan.waiting.length,
    trouble,
  }
  if (isDryRun) return { ...counts, deleted: new Set(deletable(plan, repository, manifests)) }

  await severalAtOnce(plan.pardon, pace, (digest) => write(digest, undefined))
  await severalAtOnce(plan.condemn, pace, async (digest) => {
    // Who was told of it until now, and wrote nothing for that, has the whole grace.
    await write(digest, clock())
    for (const speaking of speakingTags.get(digest) ?? []) await condemnTag(speaking)
    progress.condemned++
  })
  const spared = neededByOthers(plan, repository, manifests)
  // Parents one by one, before anything that is nobody's parent: what one of them needs that is left must be known.
  for (const digest of plan.doomed) {
    if (!edges.has(digest)) continue
    await pace()
    await remove(digest)
  }
  const leaves = plan.doomed.filter((digest) => !edges.has(digest))
  await severalAtOnce(leaves, pace, remove)
  await forgetReferrers(repository, deleted, options)
  const orphans = trouble === undefined ? repository.speakingTags.filter(({ speaksOf }) => !links.has(speaksOf)) : []
  await severalAtOnce(orphans, pace, dropOrphan)
  return { ...counts, deleted }

  function linkOf(digest: Digest): ReadLink {
    const link = links.get(digest)
    if (!link) throw new Error(`${digest} is planned for, and not among the links`)
    return link
  }

  async function remove(digest: Digest): Promise<void> {
    if (spared.has(digest)) return
    const { info } = linkOf(digest)
    const removed: ReadSpeakingTag[] = []
    if ((await removeTags(digest, removed)) && (await objects.delete(info.key, info.etag))) {
      deleted.add(digest)
      progress.deleted++
      return
    }
    // Somebody needs it again, and so all that belongs to it.
    for (const needed of closureOf([digest], edges)) spared.add(needed)
    for (const speaking of removed) await putBack(speaking)
  }

  /** Before what they mean. Says whether it may go: not if a tag was given meanwhile. */
  async function removeTags(digest: Digest, removed: ReadSpeakingTag[]): Promise<boolean> {
    for (const speaking of speakingTags.get(digest) ?? []) {
      const { tag, info } = speaking
      if (!tag.isCondemned) await condemnTag(speaking)
      if (!tag.isCondemned || !(await objects.delete(info.key, info.etag))) return false
      removed.push(speaking)
    }
    return true
  }

  /** Looks at the link once more behind that: who deletes it meanwhile may not have seen the tag. */
  async function putBack({ tag, info }: ReadSpeakingTag): Promise<void> {
    const isThere = (): Promise<boolean> => isLinked(objects, repository.name, tag.digest)
    if (!(await isThere())) return
    const put = await objects.putIfAbsent(info.key, formatTagObject({ ...tag, isCondemned: undefined }))
    if (put && !(await isThere())) await objects.delete(put.key, put.etag)
  }

  /** What it means may be kept by something else: then the tag goes alone, in its own time. */
  async function dropOrphan(speaking: ReadSpeakingTag): Promise<void> {
    const { tag, info } = speaking
    const ageMs = now - info.changedAt
    if (!tag.isCondemned && ageMs >= rules.untaggedMs) await condemnTag(speaking)
    if (tag.isCondemned && ageMs >= rules.graceMs) await objects.delete(info.key, info.etag)
  }

  async function condemnTag({ tag, info }: ReadSpeakingTag): Promise<void> {
    if (!tag.isCondemned) await objects.putIfMatch(info.key, info.etag, formatTagObject({ ...tag, isCondemned: true }))
  }

  /** Who was faster knows more: the next collection looks again. */
  async function write(digest: Digest, condemnedAt: number | undefined): Promise<void> {
    const { info, link } = linkOf(digest)
    await objects.putIfMatch(info.key, info.etag, formatLink({ ...link, condemnedAt }))
  }
}

function deletable(plan: LinksPlan, repository: ReadRepository, manifests: ReadManifests): Digest[] {
  const spared = neededByOthers(plan, repository, manifests)
  return plan.doomed.filter((digest) => !spared.has(digest))
}

/** All that something needs which is not doomed; of no interest where nothing is. */
function neededByOthers(plan: LinksPlan, { links }: ReadRepository, { edges }: ReadManifests): Set<Digest> {
  if (plan.doomed.length === 0) return new Set()
  const doomed = new Set(plan.doomed)
  return closureOf(
    [...links.keys()].filter((digest) => !doomed.has(digest)),
    edges,
  )
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
    const isThere = (): Promise<boolean> => isLinked(objects, name, referrer)
    if ((await isThere()) || !(await objects.delete(key, etag))) continue
    // It came again meanwhile, and where versions cannot be told apart by their etags its entry may have been deleted.
    if (await isThere()) await objects.putIfAbsent(key, object.bytes)
  }
}

async function isLinked(objects: ObjectStore, repository: string, digest: Digest): Promise<boolean> {
  return (await objects.head(linkKey(repository, digest))) !== undefined
}
