import type PQueue from 'p-queue'
import type { ContentSink, ContentSource } from './content.ts'
import { copyBlob } from './copy/copy-blob.ts'
import { mapInQueue } from './copy/map-in-queue.ts'
import { readImageGraph } from './copy/read-image-graph.ts'
import { retry, type RetryOptions } from './copy/retry.ts'
import { trackBlobs, type CopyProgress } from './copy/track-blobs.ts'
import type { Descriptor } from './oci/descriptor.ts'
import { isDigest, type Digest } from './oci/digest.ts'
import { isFault } from './oci/fault.ts'
import { descriptorOf, type Manifest } from './oci/manifest.ts'
import type { Platform } from './oci/platform.ts'

export interface CopyImageOptions {
  readonly source: ContentSource
  readonly sourceRepository: string
  /** A tag or a digest of the source. */
  readonly reference: string
  readonly sink: ContentSink
  /** What the image is called in the sink when all of it is there. */
  readonly tags?: readonly string[] | undefined
  /** Which children of an index are wanted; all, if it is left out. */
  readonly platforms?: readonly Platform[] | undefined
  /** Leaves out children that the source has not, instead of failing: for a source that is sparse itself. */
  readonly isSourceSparse?: boolean | undefined
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
  const { sink, sourceRepository, reference, platforms, tags = [], signal } = options
  const root = await fetchManifest(reference, options, signal)
  const what = `${sourceRepository}${isDigest(reference) ? '@' : ':'}${reference}`
  const graph = await readImageGraph({ root, platforms, what, fetchAll: (all) => fetchChildren(all, options) })
  const bytesFetched = await copyBlobs(graph.blobs, options)
  for (const manifest of graph.manifests) {
    signal?.throwIfAborted()
    const isRoot = manifest === root
    if (isRoot || !(await sink.hasManifest(manifest.digest))) await sink.putManifest(manifest, isRoot ? { tags } : {})
  }
  return {
    root: descriptorOf(root),
    manifests: graph.manifests.map(descriptorOf),
    blobs: graph.blobs,
    platforms: graph.platforms,
    missing: graph.missing,
    bytesTotal: sizeOf(graph.blobs),
    bytesFetched,
  }
}

async function fetchManifest(
  reference: string,
  { source, sourceRepository, known, retry: retrying }: CopyImageOptions,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  const atHand = isDigest(reference) ? await known?.(reference) : undefined
  return (
    atHand ?? (await retry(() => source.manifest(sourceRepository, reference, { signal }), { ...retrying, signal }))
  )
}

async function fetchChildren(
  children: readonly Descriptor[],
  options: CopyImageOptions,
): Promise<(Manifest | undefined)[]> {
  const fetch = async ({ digest }: Descriptor, signal: AbortSignal): Promise<Manifest | undefined> => {
    try {
      return await fetchManifest(digest, options, signal)
    } catch (error) {
      if (options.isSourceSparse && isFault(error, 'not-found')) return undefined
      throw error
    }
  }
  // Small, and others wait for them: before the blobs of other copies.
  return await mapInQueue(children, fetch, { queue: options.queue, signal: options.signal, priority: 1 })
}

/** Gives how many bytes were fetched. */
async function copyBlobs(blobs: readonly Descriptor[], options: CopyImageOptions): Promise<number> {
  const tracker = trackBlobs(blobs, options.onProgress)
  const absent: Descriptor[] = []
  for (const blob of blobs) {
    options.signal?.throwIfAborted()
    if (await options.sink.hasBlob(blob)) tracker.wasThere(blob)
    else absent.push(blob)
  }
  tracker.report()

  const bring = (blob: Descriptor, signal: AbortSignal): Promise<void> =>
    retry(
      async (progressed) => {
        const moveTo = tracker.begin(blob)
        await copyBlob(blob, { ...options, signal, onDone: (bytes) => void (moveTo(bytes) && progressed()) })
      },
      { ...options.retry, signal },
    )
  await mapInQueue(absent, bring, { queue: options.queue, signal: options.signal })
  return tracker.bytesFetched()
}

function sizeOf(blobs: readonly Descriptor[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0)
}
