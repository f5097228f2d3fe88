import { setRepository } from '../edge/set.ts'
import type { Digest } from '../oci/digest.ts'
import { Fault } from '../oci/fault.ts'
import type { Tag } from '../store/content-store.ts'
import type { ContentRoot, RootSource } from '../store/gc/content-root.ts'
import type { Pace } from '../store/gc/pace.ts'
import { closureOf, type Edges } from '../store/gc/plan-links.ts'
import { readManifests } from '../store/gc/read-manifests.ts'
import { readRepositories } from '../store/gc/read-repositories.ts'
import type { ReadRepository } from '../store/gc/read-repository.ts'
import type { ObjectStore } from '../store/object-store.ts'
import type { PulledImage } from './plan-eviction.ts'
import type { ManifestUse, PulledRepository } from './pulled-images.ts'

/** What is here because somebody asked for it, and what else there is. */
export interface ImageSurvey {
  readonly images: readonly SurveyedImage[]
  /** Bytes that something else keeps. */
  readonly keptElsewhere: ReadonlySet<Digest>
  /** Bytes that nothing keeps any more, and that are not gone yet. */
  readonly goingBytes: number
  /** What somebody else wants to stay, by repository. */
  readonly roots: ReadonlyMap<string, ReadonlySet<Digest>>
  /** What was asked for, by repository; some of it may be gone. */
  readonly pulled: ReadonlyMap<string, PulledRepository>
  /** Of that, what is gone. */
  readonly gone: ReadonlyMap<string, readonly Digest[]>
}

const nothing: ImageSurvey = {
  images: [],
  keptElsewhere: new Set(),
  goingBytes: 0,
  roots: new Map(),
  pulled: new Map(),
  gone: new Map(),
}

export interface SurveyedImage extends PulledImage {
  /** What its upstream calls it, and manifests that speak of it. */
  readonly tags: readonly Tag[]
  /** Manifests that it needs and that were asked for, too. */
  readonly parts: readonly Digest[]
}

export interface SurveyOptions {
  readonly objects: ObjectStore
  readonly pulled: AsyncIterable<PulledRepository>
  /** What others than pulled images want to stay. */
  readonly roots: readonly RootSource[]
  readonly tagsOf: (repository: string) => Promise<readonly Tag[]>
  readonly pace: Pace
}

/**
 * Looks at all that the store links. Nothing is written.
 * @throws Fault of the store or of a source of roots | corrupt: nobody knows which images a set needs
 */
export async function surveyImages(options: SurveyOptions): Promise<ImageSurvey> {
  const { objects, pace } = options
  const pulled = new Map((await Array.fromAsync(options.pulled)).map((one) => [one.repository, one]))
  if (pulled.size === 0) return nothing
  const roots = await readRoots(options)
  const images: SurveyedImage[] = []
  const keptElsewhere = new Set<Digest>()
  const going = new Map<Digest, number>()
  const here = new Map<string, ReadRepository['links']>()
  for await (const repository of readRepositories(objects, { pace })) {
    const entries = pulled.get(repository.name)
    const known = { ...options, roots: roots.get(repository.name) }
    const found = entries ? await surveyOne(repository, entries, known) : noneOf(repository)
    images.push(...found.images)
    if (entries) here.set(repository.name, repository.links)
    for (const digest of repository.unreadable) keptElsewhere.add(digest)
    for (const digest of found.others) {
      const link = repository.links.get(digest)
      if (link?.condemnedAt === undefined) keptElsewhere.add(digest)
      else going.set(digest, link.link.size)
    }
  }
  const gone = new Map(
    [...pulled].map(([name, { manifests }]) => [
      name,
      [...manifests.keys()].filter((digest) => !here.get(name)?.has(digest)),
    ]),
  )
  return { images, keptElsewhere, goingBytes: bytesOnlyIn(going, images, keptElsewhere), roots, pulled, gone }
}

async function readRoots({ objects, roots: sources, pace }: SurveyOptions): Promise<Map<string, Set<Digest>>> {
  const roots = new Map<string, Set<Digest>>()
  const add = ({ repository, digest }: ContentRoot): void => {
    roots.set(repository, (roots.get(repository) ?? new Set<Digest>()).add(digest))
  }
  for (const source of sources) for await (const root of source()) add(root)
  for await (const sets of readRepositories(objects, { pace, only: setRepository })) {
    const { images, damaged } = await readManifests(objects, sets, pace)
    for (const set of [...damaged, ...sets.unreadable]) {
      throw new Fault('corrupt', `set ${set} is damaged, and may need any image: let its controller write it again`)
    }
    for (const root of [...images.values()].flat()) add(root)
  }
  return roots
}

function noneOf({ links }: ReadRepository): SurveyedRepository {
  return { images: [], others: links.keys() }
}

function bytesOnlyIn(
  going: ReadonlyMap<Digest, number>,
  images: readonly SurveyedImage[],
  keptElsewhere: ReadonlySet<Digest>,
): number {
  const needed = new Set(images.flatMap(({ content }) => [...content.keys()]))
  const sizes = [...going].filter(([digest]) => !keptElsewhere.has(digest) && !needed.has(digest))
  return sizes.reduce((sum, [, size]) => sum + size, 0)
}

interface Surroundings extends Pick<SurveyOptions, 'objects' | 'tagsOf' | 'pace'> {
  readonly roots: ReadonlySet<Digest> | undefined
}

interface SurveyedRepository {
  readonly images: readonly SurveyedImage[]
  /** Links that something else keeps, or nothing. */
  readonly others: Iterable<Digest>
}

async function surveyOne(
  repository: ReadRepository,
  entries: PulledRepository,
  { objects, roots = new Set(), tagsOf, pace }: Surroundings,
): Promise<SurveyedRepository> {
  const { links, unreadable, unreadableTags } = repository
  const speaking = new Set(repository.speakingTags.map(({ name }) => name))
  const { edges, damaged } = await readManifests(objects, repository, pace)
  // What cannot be read might need anything.
  if (unreadableTags.length > 0 || unreadable.size > 0 || damaged.size > 0) return noneOf(repository)

  const here = [...entries.manifests.keys()].filter((digest) => links.has(digest))
  const tops = topsOf(here, edges)
  const tags = await tagsOf(repository.name)
  const isPulledTag = ({ name, target }: Tag): boolean => entries.tags.has(name) && entries.manifests.has(target.digest)
  const ofPulled = closureOf(here, edges)
  const otherManifests = [...links].filter(
    ([digest, { isManifest, condemnedAt }]) => isManifest && condemnedAt === undefined && !ofPulled.has(digest),
  )
  const keptBy = [
    ...roots,
    ...tags.filter((tag) => !isPulledTag(tag) && !speaking.has(tag.name)).map(({ target }) => target.digest),
    ...otherManifests.map(([digest]) => digest),
  ]
  const kept = closureOf(keptBy, edges)

  const tagsTo = Map.groupBy(tags, ({ target }) => target.digest)
  const images = tops
    .filter((root) => !kept.has(root))
    .map((root): SurveyedImage => {
      const needed = [...closureOf([root], edges)]
      const own = needed.filter((digest) => !kept.has(digest))
      const itsTags = own.flatMap((digest) => tagsTo.get(digest) ?? [])
      const content = own.flatMap((digest) => {
        const link = links.get(digest)?.link
        return link ? [[digest, link.size] as const] : []
      })
      return {
        repository: repository.name,
        root,
        usedAt: latestUse(needed, entries.manifests),
        supersededAt: itsTags.some(({ name }) => !speaking.has(name))
          ? undefined
          : entries.manifests.get(root)?.supersededAt,
        tags: itsTags,
        parts: needed.filter((digest) => digest !== root && entries.manifests.has(digest)),
        content: new Map(content),
      }
    })
  const ofImages = new Set(images.flatMap(({ content }) => [...content.keys()]))
  return { images, others: [...links.keys()].filter((digest) => !ofImages.has(digest)) }
}

/** Those that are parts of no other one, and speak of none. */
function topsOf(digests: readonly Digest[], edges: Edges): Digest[] {
  const below = new Set<Digest>()
  for (const digest of digests) {
    if (below.has(digest)) continue
    for (const part of closureOf([digest], edges)) if (part !== digest) below.add(part)
  }
  return digests.filter((digest) => !below.has(digest))
}

function latestUse(digests: readonly Digest[], uses: ReadonlyMap<Digest, ManifestUse>): number {
  return digests.reduce((latest, digest) => Math.max(latest, uses.get(digest)?.usedAt ?? 0), 0)
}
