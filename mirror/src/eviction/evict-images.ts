import type { Digest } from '../oci/digest.ts'
import type { ContentStore } from '../store/content-store.ts'
import { formatMark } from '../store/content/condemned-blobs.ts'
import { condemnedKey } from '../store/content/content-keys.ts'
import { createLinks } from '../store/content/links.ts'
import { collectLinks } from '../store/gc/collect-links.ts'
import type { Pace } from '../store/gc/pace.ts'
import { readManifests } from '../store/gc/read-manifests.ts'
import { readRepositories } from '../store/gc/read-repositories.ts'
import type { ObjectStore } from '../store/object-store.ts'
import type { PulledImages } from './pulled-images.ts'
import type { ImageSurvey, SurveyedImage } from './survey-images.ts'

export interface EvictImagesOptions {
  readonly objects: ObjectStore
  readonly store: ContentStore
  readonly pulled: PulledImages
  readonly survey: ImageSurvey
  /**
   * Whether nobody builds on what a repository has: clients cannot push to it, and no other process writes there. Then nobody
   * was promised that it stays.
   */
  readonly isOnlyRead: (repository: string) => boolean
  /** The clock by which garbage is collected, too; epoch milliseconds. */
  readonly now: () => number
  readonly pace: Pace
}

/** What became of images of one repository. */
export interface EvictedImages {
  readonly evicted: readonly SurveyedImage[]
  /** Whether its links are gone, so that a collection of garbage may delete bytes: otherwise they go after its grace. */
  readonly isUnlinked: boolean
}

/**
 * Takes images of one repository away: first their tags; then their links are condemned, and nobody keeps them. Where nobody
 * can have been promised that they stay, they go at once, by the rules of a collection: what somebody needs again by then, or
 * what a manifest needs that came meanwhile, stays. Their bytes are left to the next collection, marked for it.
 */
export async function evictImages(
  name: string,
  planned: readonly SurveyedImage[],
  { objects, store, pulled, survey, isOnlyRead, now, pace }: EvictImagesOptions,
): Promise<EvictedImages> {
  const repository = store.repository(name)
  const evicted = planned.filter((image) => !isUsedSince(image, pulled))
  const doomed = doomedOf(name, evicted, survey)
  const tags = evicted.flatMap((image) => image.tags)
  for (const { name: tag, target } of tags) await repository.deleteTag(tag, target.digest)
  const links = createLinks(objects, name)
  for (const digest of doomed) {
    await pace()
    await links.condemn(digest, now())
  }
  await pulled.forget(name, { tags: new Set(tags.map((tag) => tag.name)), manifests: doomed })
  // Behind the condemning: who was told of a link before was told so here, and who is told of it now revives it.
  const isUnlinked = evicted.length > 0 && isOnlyRead(name)
  if (isUnlinked) await unlink()
  return { evicted, isUnlinked }

  async function unlink(): Promise<void> {
    const asked = [...(survey.pulled.get(name)?.manifests.keys() ?? [])].filter((digest) => !doomed.has(digest))
    const roots = new Set([...(survey.roots.get(name) ?? []), ...asked])
    // Before the links go, so that none is forgotten by who is killed; what is still needed is pardoned.
    await mark(doomed)
    for await (const read of readRepositories(objects, { pace, only: name })) {
      const manifests = await readManifests(objects, read, pace)
      const given = { objects, rules: atOnce, roots, isPushedTo: false, now: now(), clock: now, pace, isDryRun: false }
      const { deleted } = await collectLinks(read, manifests, given)
      // And behind them, as a collection may have seen both.
      await mark(deleted)
    }
  }

  /** Says of bytes, as a collection does, that no link was found to them. */
  async function mark(digests: Iterable<Digest>): Promise<void> {
    const bytes = formatMark({ at: now(), isDying: false })
    for (const digest of digests) await objects.putIfAbsent(condemnedKey(digest), bytes)
  }
}

/** What is condemned has no grace, and nothing else is condemned. */
const atOnce = { graceMs: 0, untaggedMs: Infinity, youngMs: Infinity }

function isUsedSince({ repository, content, usedAt }: SurveyedImage, pulled: PulledImages): boolean {
  return [...content.keys()].some((digest) => (pulled.usedAt(repository, digest) ?? 0) > usedAt)
}

/** What no image needs that stays. */
function doomedOf(name: string, evicted: readonly SurveyedImage[], { images }: ImageSurvey): Set<Digest> {
  const going = new Set(evicted)
  const doomed = new Set(evicted.flatMap(({ content }) => [...content.keys()]))
  for (const image of images) {
    if (image.repository !== name || going.has(image)) continue
    for (const digest of image.content.keys()) doomed.delete(digest)
  }
  return doomed
}
