import type { ContentSource } from '@stowage/mirror/content'
import { copyImage, type CopyImageOptions } from '@stowage/mirror/copy'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { formatPlatform, uniquePlatforms, type Platform } from '@stowage/mirror/oci/platform'
import { mirrorRepositoryOf } from '@stowage/mirror/oci/reference'
import type { ContentStore, Repository } from '@stowage/mirror/store/content-store'
import {
  mirroredBytes,
  mirroredForAll,
  mirroredPlatforms,
  type Mirrored,
  type Resolution,
} from '../memory/resolution.ts'
import type { Want } from '../plan/plan-wants.ts'
import type { Flight } from '../plan/world.ts'
import { platformBytes } from './platform-bytes.ts'

export interface MirrorImageOptions {
  readonly known: Resolution
  readonly source: ContentSource
  readonly content: ContentStore
  readonly queue: CopyImageOptions['queue']
  readonly now: () => number
  readonly signal: AbortSignal
  /** Called when it is known what the reference means, before anything is copied. */
  readonly onResolved: (resolution: Resolution) => Promise<void>
  readonly onProgress: (progress: Flight) => void
}

/**
 * Looks a reference up and brings what is wanted of it into the mirror. What nodes are given changes only with the result.
 * @throws Fault as `copyImage`; what came so far is kept
 */
export async function mirrorImage(want: Want, options: MirrorImageOptions): Promise<Resolution> {
  const { source, content, known, now, signal } = options
  const { reference } = want
  const { mediaType, digest, size } = await source.resolve(reference.repository, wordOf(want, known), { signal })
  const target = { mediaType, digest, size }
  const resolved: Resolution = { ...known, target, checkedAt: now() }
  const before = known.mirrored?.root.digest === digest ? known.mirrored : null
  const isComplete = want.platforms.every((platform) => mirroredBytes(before, platform) !== undefined)
  if (isComplete && (before !== null || want.platforms.length === 0)) return { ...resolved, fault: null }
  await options.onResolved(resolved)
  const repository = content.repository(mirrorRepositoryOf(reference))
  const platforms = uniquePlatforms([...want.platforms, ...mirroredPlatforms(before)])
  await copy(want, target, { ...options, repository, platforms })
  return { ...resolved, fault: null, mirrored: await mirroredOf(repository, target, platforms) }
}

interface CopyOptions extends MirrorImageOptions {
  readonly repository: Repository
  readonly platforms: readonly Platform[]
}

async function copy({ reference }: Want, { digest }: Pick<Descriptor, 'digest'>, options: CopyOptions): Promise<void> {
  const { source, repository, platforms, queue, signal, onProgress } = options
  await copyImage({
    source,
    sourceRepository: reference.repository,
    reference: digest,
    sink: repository,
    tags: reference.digest === undefined && reference.tag !== undefined ? [reference.tag] : [],
    platforms,
    isSourceDoubted: true,
    known: (child) => repository.manifest(child),
    queue,
    signal,
    onProgress: ({ blobBytesDone, blobBytesTotal }) => {
      onProgress({ bytesDone: blobBytesDone, bytesTotal: blobBytesTotal })
    },
  })
}

/** What upstream is asked for: a digest says more than a tag, and is what a tag means that is looked up once. */
function wordOf({ reference, isOnce }: Want, { target }: Resolution): string {
  return reference.digest ?? (isOnce ? target?.digest : undefined) ?? reference.tag ?? 'latest'
}

async function mirroredOf(
  repository: Repository,
  root: Mirrored['root'],
  platforms: readonly Platform[],
): Promise<Mirrored> {
  const found = []
  for (const platform of platforms) {
    const { bytes, isForAll } = await platformBytes(repository, root, platform)
    if (isForAll && bytes !== null) return mirroredForAll(root, bytes)
    found.push({ platform: formatPlatform(platform), bytes })
  }
  return { root, platforms: found }
}
