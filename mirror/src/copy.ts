import type PQueue from 'p-queue'
import type { ContentSink, ContentSource, PutManifestOptions, SpeakingTag } from './content.ts'
import { copyBlobs } from './copy/copy-blobs.ts'
import { createManifestFetcher } from './copy/manifest-fetcher.ts'
import type { ReferrerGraph } from './copy/read-referrers.ts'
import { retry, type RetryOptions } from './copy/retry.ts'
import type { CopyProgress } from './copy/track-blobs.ts'
import type { Descriptor } from './oci/descriptor.ts'
import type { Digest } from './oci/digest.ts'
import { descriptorOf, uniqueBlobsOf, type Manifest } from './oci/manifest.ts'
import type { Platform } from './oci/platform.ts'

export interface CopyImageOptions {
  readonly source: ContentSource
  readonly sourceRepository: string
  /** A tag or a digest of the source. */
  readonly reference: string
  readonly sink: ContentSink
  /** What the image is called in the sink when all of it is there. */
  readonly tags?: readonly string[] | undefined
  /** And by which its readers find it, if it is a signature or the like. */
  readonly speakingTags?: readonly SpeakingTag[] | undefined
  /** Which children of an index are wanted; all, if it is left out. */
  readonly platforms?: readonly Platform[] | undefined
  /** Takes along what speaks of the image or of a child that is copied: signatures, SBOMs, and what speaks of those. */
  readonly referrers?: boolean | undefined
  /** Leaves out children that the source has not, instead of failing: for a source that is sparse itself. */
  readonly isSourceSparse?: boolean | undefined
  /**
   * Takes what the sink has of other repositories only if the source has these bytes, too, and not only their names: for a source
   * that may not have all that its manifests name.
   */
  readonly isSourceDoubted?: boolean | undefined
  /** Manifests at hand: they are not fetched, which some registries count. */
  readonly known?: ((digest: Digest) => Promise<Manifest | undefined>) | undefined
  /** Bounds how many requests run at a time, over all copies that share it. */
  readonly queue: PQueue
  readonly retry?: RetryOptions | undefined
  readonly signal?: AbortSignal | undefined
  /** Called once before the first blob and then for each chunk: cheap things only. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined
}

/** What a copy came to; bytes are those of blobs. */
export interface CopyResult {
  readonly root: Descriptor
  /** What was copied or was there: parts before what they are part of, the root last. */
  readonly manifests: readonly Descriptor[]
  /** Signatures and the like that came along. */
  readonly referrers: readonly Descriptor[]
  readonly blobs: readonly Descriptor[]
  /** Wanted platforms that are there now; none for a plain manifest, which does not name any. */
  readonly platforms: readonly Platform[]
  /** Wanted platforms that the image does not offer. */
  readonly missing: readonly Platform[]
  readonly bytesTotal: number
  readonly bytesFetched: number
}

/**
 * Copies an image: its manifests are read, then its blobs are brought, each once and from where an earlier try stopped, and
 * only when all are there the manifests are put, parts first, and the tags last. What the sink has is not fetched.
 * @throws Fault not-found (also if none of the wanted platforms is offered) | denied | unavailable (after some tries on the
 * spot) | corrupt (after a second try) | no-space | invalid | conflict; the reason of `signal`. What came so far is kept
 */
export async function copyImage(options: CopyImageOptions): Promise<CopyResult> {
  const fetcher = createManifestFetcher(options)
  const { root, platforms, missing, ...image } = await fetcher.image()
  const referrers = options.referrers ? await fetcher.referrersOf(image.manifests) : noReferrers
  const blobs = uniqueBlobsOf([...image.manifests, ...referrers.manifests])
  const brought = new Set([...image.manifests, ...referrers.manifests, ...blobs].map(({ digest }) => digest))
  const hold = await options.sink.hold?.([...brought])
  const bytesFetched = await copyBlobs(blobs, { ...options, hold })
  // Who sees the tag and asks for a signature finds it.
  for (const manifest of image.manifests.slice(0, -1)) await publish(manifest, { brought }, options)
  for (const manifest of referrers.manifests) {
    await publish(manifest, { speakingTags: referrers.tags.get(manifest.digest), brought }, options)
  }
  await publish(root, { tags: options.tags ?? [], speakingTags: options.speakingTags, brought }, options)
  await hold?.release()
  return {
    root: descriptorOf(root),
    manifests: image.manifests.map(descriptorOf),
    referrers: referrers.manifests.map(descriptorOf),
    blobs,
    platforms,
    missing,
    bytesTotal: blobs.reduce((sum, { size }) => sum + size, 0),
    bytesFetched,
  }
}

const noReferrers: ReferrerGraph = { manifests: [], tags: new Map() }

async function publish(
  manifest: Manifest,
  names: PutManifestOptions,
  { sink, retry: pace, signal }: CopyImageOptions,
): Promise<void> {
  signal?.throwIfAborted()
  const isNamed = names.tags !== undefined || names.speakingTags !== undefined
  await retry(
    async () => {
      if (!isNamed && (await sink.hasManifest(manifest.digest))) return
      await sink.putManifest(manifest, names)
    },
    { ...pace, signal },
  )
}
