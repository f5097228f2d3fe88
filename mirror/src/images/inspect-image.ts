import type PQueue from 'p-queue'
import type { FetchOptions } from '../content.ts'
import { createManifestFetcher } from '../copy/manifest-fetcher.ts'
import type { ReferrerGraph } from '../copy/read-referrers.ts'
import type { Digest } from '../oci/digest.ts'
import { Fault, isFault } from '../oci/fault.ts'
import type { Manifest } from '../oci/manifest.ts'
import type { ContentRoot } from '../store/gc/content-root.ts'
import type { ImagePlace } from './image-place.ts'
import { imageReport, type ImageReport } from './image-report.ts'
import { wordOf, type MirrorReference } from './mirror-reference.ts'
import { readImage } from './read-image.ts'

export interface InspectOptions extends FetchOptions {
  readonly reference: MirrorReference
  readonly queue: PQueue
}

/**
 * Looks at all that belongs to an image: what it consists of, what speaks of it, what keeps it, and what of that is there.
 * @throws Fault as the place does; not-found also if the tag of the reference does not mean its digest
 */
export async function inspectImage(
  place: ImagePlace,
  { reference, queue, signal }: InspectOptions,
): Promise<ImageReport> {
  const { repository } = reference
  const image = await readImage(place, { repository, reference: wordOf(reference), configs: 'all', queue, signal })
  const tags = await tagsOf(place, { repository, signal })
  checkTag(place, reference, tags)
  const referrers = await readReferrers([...image.manifests.values()])
  const missing = new Set<Digest>()
  for (const manifest of referrers.manifests) {
    if (manifest.kind === 'index') continue
    for (const blob of [manifest.config, ...manifest.layers]) {
      if (!(await place.hasBlob(repository, blob, { signal }))) missing.add(blob.digest)
    }
  }
  const keptBy = await keepersOf(place, { repository, digest: image.root.digest })
  return imageReport({ repository, image, tags, keptBy, referrers: { ...referrers, missing } })

  async function readReferrers(subjects: readonly Manifest[]): Promise<ReferrerGraph> {
    const options = { source: place.source, sourceRepository: repository, reference: image.root.digest }
    return await createManifestFetcher({ ...options, isSourceSparse: true, queue, signal }).referrersOf(subjects)
  }
}

/** A tag in front of a digest says what the digest is thought to be. */
function checkTag(
  { name }: ImagePlace,
  { repository, tag, digest }: MirrorReference,
  tags: ReadonlyMap<string, Digest>,
): void {
  if (tag === undefined || digest === undefined || tags.get(tag) === digest) return
  const meant = tags.get(tag) ?? 'nothing'
  throw new Fault('not-found', `${name} does not have ${repository}:${tag}@${digest}: the tag means ${meant} there`)
}

async function keepersOf(place: ImagePlace, { repository, digest }: ContentRoot): Promise<string[] | null> {
  if (!place.keepers) return null
  const found: string[] = []
  for (const [name, roots] of Object.entries(place.keepers)) {
    for await (const root of roots()) {
      if (root.repository !== repository || root.digest !== digest) continue
      found.push(name)
      break
    }
  }
  return found
}

/** What each tag of a repository means. */
export async function tagsOf(
  place: ImagePlace,
  { repository, signal }: { readonly repository: string } & FetchOptions,
): Promise<Map<string, Digest>> {
  const found = new Map<string, Digest>()
  for await (const tag of place.tags(repository, { signal })) {
    try {
      found.set(tag, (await place.source.resolve(repository, tag, { signal })).digest)
    } catch (error) {
      // It was taken away meanwhile, or means nothing that is there.
      if (!isFault(error, 'not-found') && !isFault(error, 'invalid')) throw error
    }
  }
  return found
}
