import type PQueue from 'p-queue'
import type { FetchOptions } from '../content.ts'
import { isDigest, type Digest } from '../oci/digest.ts'
import { Fault, isFault } from '../oci/fault.ts'
import { formatPlatform } from '../oci/platform.ts'
import { completenessOf, describeCompleteness, type CompletenessState } from './completeness.ts'
import type { ImagePlace } from './image-place.ts'
import { readImage } from './read-image.ts'

/** One line of a list of images. */
export interface ListedImage {
  readonly repository: string
  /** Null for a manifest that has none, and is no part of another one that is listed. */
  readonly tag: string | null
  /** Null if it cannot be told. */
  readonly digest: Digest | null
  readonly mediaType: string | null
  /** Those that can be run from what is there. */
  readonly platforms: readonly string[]
  /** Those that the image names as well. */
  readonly lackingPlatforms: readonly string[]
  /** Of all that is there, each once. */
  readonly bytes: number
  readonly completeness: CompletenessState
  /** The same in words, with what is missing. */
  readonly remark: string
}

export interface ListImagesOptions extends FetchOptions {
  /** One of them; all, if it is left out. */
  readonly repository?: string | undefined
  /** Also manifests that no tag leads to. */
  readonly untagged?: boolean | undefined
  readonly queue: PQueue
}

/**
 * Lists images with how much of each is there, as they are read: repositories in the order of their names, tags too.
 * @throws Fault as the place does; invalid if it does not tell what has no tag
 */
export async function* listImages(place: ImagePlace, options: ListImagesOptions): AsyncGenerator<ListedImage> {
  const { repository, untagged = false, signal } = options
  if (untagged && !place.manifests) {
    throw new Fault(
      'invalid',
      `${place.name} does not tell what has no tag, as no registry does: give --mirror-token-file with the token of the mirror's --objects-token-file, or --data where it does not run`,
    )
  }
  if (repository !== undefined) return yield* listRepository(place, repository, { ...options, untagged })
  for await (const name of place.repositories({ signal })) {
    try {
      yield* listRepository(place, name, { ...options, untagged })
    } catch (error) {
      // Some registries name repositories that they say not to know, as nothing in them has a tag.
      if (!isFault(error, 'not-found')) throw error
    }
  }
}

async function* listRepository(
  place: ImagePlace,
  repository: string,
  { untagged, queue, signal }: ListImagesOptions,
): AsyncGenerator<ListedImage> {
  const looked = new Map<Digest, boolean>()
  const known = new Map<string, ListedImage>()
  /** What is a part of something that is listed. */
  const parts = new Set<Digest>()

  async function look(reference: Digest | string, tag: string | null): Promise<ListedImage> {
    try {
      const image = await readImage(place, { repository, reference, configs: 'root', queue, looked, signal })
      for (const digest of image.manifests.keys()) if (tag !== null || digest !== image.root.digest) parts.add(digest)
      const completeness = completenessOf(image)
      return {
        repository,
        tag,
        digest: image.root.digest,
        mediaType: image.root.mediaType,
        platforms: completeness.platforms.map(formatPlatform),
        lackingPlatforms: completeness.lacking.map(formatPlatform),
        bytes: completeness.bytes,
        completeness: completeness.state,
        remark: describeCompleteness(completeness),
      }
    } catch (error) {
      if (!isFault(error, 'not-found') && !isFault(error, 'corrupt') && !isFault(error, 'invalid')) throw error
      return unreadable({ repository, tag, digest: isDigest(reference) ? reference : null }, error.message)
    }
  }

  for await (const tag of place.tags(repository, { signal })) {
    const target = await meaningOf(place, { repository, tag, signal })
    const before = target === undefined ? undefined : known.get(target)
    const listed = before ? { ...before, tag } : await look(target ?? tag, tag)
    if (target !== undefined) known.set(target, listed)
    yield listed
  }
  if (!untagged || !place.manifests) return
  const others: ListedImage[] = []
  for await (const { digest } of place.manifests(repository, { signal })) {
    if (!parts.has(digest)) others.push(await look(digest, null))
  }
  yield* others.filter(({ digest }) => digest === null || !parts.has(digest))
}

async function meaningOf(
  place: ImagePlace,
  { repository, tag, signal }: { readonly repository: string; readonly tag: string } & FetchOptions,
): Promise<Digest | undefined> {
  try {
    return (await place.source.resolve(repository, tag, { signal })).digest
  } catch (error) {
    // Said when it is read.
    if (isFault(error, 'not-found') || isFault(error, 'corrupt') || isFault(error, 'invalid')) return undefined
    throw error
  }
}

function unreadable(of: Pick<ListedImage, 'repository' | 'tag' | 'digest'>, message: string): ListedImage {
  const nothing = { mediaType: null, platforms: [], lackingPlatforms: [], bytes: 0 }
  return { ...of, ...nothing, completeness: 'broken', remark: `broken: ${message}` }
}
