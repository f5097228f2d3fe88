import type { Referrer } from '../content.ts'
import { copyImage, type CopyImageOptions } from '../copy.ts'
import type { Digest } from '../oci/digest.ts'
import { Fault, isFault } from '../oci/fault.ts'
import { artifactTypeOf } from '../oci/manifest.ts'
import { isOwnArtifact } from '../oci/own-artifact.ts'
import { isOfInterest, maxReferrers } from './read-referrers.ts'
import { retry } from './retry.ts'

export interface CopyReferrersOptions extends Pick<
  CopyImageOptions,
  'source' | 'sourceRepository' | 'sink' | 'known' | 'isSourceDoubted' | 'queue' | 'retry' | 'signal'
> {
  /** What is spoken of, which is in the sink already. */
  readonly subjects: readonly Digest[]
}

/** What came, or was there; bytes are those of blobs. */
export interface CopiedReferrers {
  readonly referrers: number
  readonly bytesFetched: number
  /** Why some did not. */
  readonly faults: readonly Fault[]
}

/**
 * Copies what speaks of an image that was copied before, and what speaks of that in turn, each by itself: a signature does
 * not wait for an SBOM that is broken, or too large. What only tags lead to comes first. Tags that somebody gave himself are left alone.
 * @throws the reason of `signal`; what came so far is kept
 */
export async function copyReferrers(options: CopyReferrersOptions): Promise<CopiedReferrers> {
  const { subjects, source, sourceRepository, signal } = options
  const ofImage = new Set(subjects)
  const seen = new Set<Digest>()
  const faults: Fault[] = []
  let [referrers, bytesFetched] = [0, 0]

  async function orFault<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      if (!isFault(error)) throw error
      faults.push(error)
      return undefined
    }
  }

  // What is added while it is walked is walked too.
  const spokenOf = new Set(subjects)
  for (const subject of spokenOf) {
    const listed = await orFault(() => listOf(subject))
    for (const [digest, tags] of listed ?? []) {
      const isKnown = seen.has(digest)
      // The same SBOM may be that of an index and of its parts, by a tag for each.
      if (ofImage.has(digest) || (isKnown && tags.length === 0)) continue
      if (seen.size >= maxReferrers) {
        const message = `${sourceRepository}@${subject}: more than ${maxReferrers} signatures and the like hang on it`
        faults.push(new Fault('invalid', message))
        return { referrers, bytesFetched, faults }
      }
      seen.add(digest)
      const copied = await orFault(() => copyOne(digest, { ...options, subject, tags }))
      if (!copied || isKnown) continue
      referrers++
      bytesFetched += copied.bytesFetched
      for (const part of copied.manifests) if (!ofImage.has(part.digest)) spokenOf.add(part.digest)
    }
  }
  return { referrers, bytesFetched, faults }

  /** By digest, with their tags. */
  async function listOf(subject: Digest): Promise<Map<Digest, string[]>> {
    const ask = async (): Promise<readonly Referrer[]> =>
      (await source.referrers?.(sourceRepository, subject, { signal })) ?? []
    const listed = (await retry(ask, { ...options.retry, signal })).filter(isOfInterest)
    const byTag = listed.toSorted((a, b) => Number(b.tag !== undefined) - Number(a.tag !== undefined))
    const tags = new Map<Digest, string[]>()
    for (const { descriptor, tag } of byTag) {
      tags.set(descriptor.digest, [...(tags.get(descriptor.digest) ?? []), ...(tag === undefined ? [] : [tag])])
    }
    return tags
  }
}

interface OneReferrer extends CopyReferrersOptions {
  readonly subject: Digest
  readonly tags: readonly string[]
}

/** Undefined for one that we made ourselves, or that has gone: lists can name what was deleted since. */
async function copyOne(digest: Digest, options: OneReferrer) {
  const { subject, tags, source, sourceRepository, known, signal } = options
  const manifest = await unlessGone(
    async () =>
      (await known?.(digest)) ??
      (await retry(() => source.manifest(sourceRepository, digest, { signal }), { ...options.retry, signal })),
  )
  if (!manifest || isOwnArtifact(artifactTypeOf(manifest))) return undefined
  return await copyImage({
    ...options,
    reference: digest,
    known: async (asked) => (asked === digest ? manifest : await known?.(asked)),
    tags: [],
    speakingTags: tags.map((tag) => ({ tag, speaksOf: subject, isYielding: true })),
  })
}

async function unlessGone<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (isFault(error, 'not-found')) return undefined
    throw error
  }
}
