import type { Logger } from 'pino'
import type { Digest } from '../oci/digest.ts'
import { isFault } from '../oci/fault.ts'
import { blobsOf, type ImageIndex, type ImageManifest } from '../oci/manifest.ts'
import { isIndexType } from '../oci/media-type.ts'
import { selectChildren } from '../oci/select-children.ts'
import type { ContentStore } from '../store/content-store.ts'
import type { BlobFetch } from './blob-fetches.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Place } from './locate.ts'
import type { UpstreamManifests } from './upstream-manifests.ts'
import type { UpstreamReferrers } from './upstream-referrers.ts'
import type { Upstream } from './upstream.ts'

export interface PrefetchOptions {
  readonly store: ContentStore
  readonly manifests: UpstreamManifests
  readonly referrers: UpstreamReferrers
  readonly fetchBlob: (place: Place<Upstream>, blob: Descriptor) => BlobFetch
  readonly log: Logger
}

/** Brings what the settings of an upstream want of an image before anybody asks for it: the wanted platforms, and what speaks of them. */
export async function prefetch(place: Place<Upstream>, root: Digest, options: PrefetchOptions): Promise<void> {
  const { store, manifests, referrers, fetchBlob, log } = options
  const wanted = place.upstream.settings.prefetch
  if (!wanted) return
  const repository = store.repository(place.repository)
  const seen = new Set<Digest>()

  async function bringBlobs(manifest: ImageManifest): Promise<void> {
    for (const blob of blobsOf(manifest)) {
      if (!(await repository.hasBlob(blob))) await fetchBlob(place, blob).reaches(blob.size)
    }
  }

  /** @param isWhole whether its blobs are wanted too, and those of all of its children */
  async function bring(digest: Digest, isWhole: boolean): Promise<void> {
    if (seen.has(digest)) return
    seen.add(digest)
    await manifests.bring(place, digest)
    const manifest = await repository.manifest(digest)
    if (manifest?.kind === 'manifest' && (isWhole || isPlainWanted)) await bringBlobs(manifest)
    if (manifest?.kind === 'index') await bringChildren(manifest, isWhole)
    if (!wanted!.referrers) return
    for (const one of await referrers.bring(place, digest)) await bring(one, true)
  }

  async function bringChildren({ manifests: all }: ImageIndex, isWhole: boolean): Promise<void> {
    const children = selectChildren(all, isWhole ? undefined : wanted!.platforms)
    // Of an index in it the same platforms are wanted.
    for (const child of children) await bringPart(child.digest, isWhole || !isIndexType(child.mediaType))
  }

  /** Upstream may be sparse itself. */
  async function bringPart(digest: Digest, isWhole: boolean): Promise<void> {
    try {
      await bring(digest, isWhole)
    } catch (err) {
      if (!isFault(err, 'not-found')) throw err
      log.info({ err, repository: place.repository, digest }, 'a part of an image is not at its upstream')
    }
  }

  /** An image that is no index names no platform. */
  const isPlainWanted = wanted.platforms.length > 0
  try {
    await bring(root, false)
  } catch (err) {
    const facts = { err, repository: place.repository, digest: root }
    if (isFault(err)) log.warn(facts, 'an image could not be fetched before it is asked for')
    else log.error(facts, 'fetching an image before it is asked for failed')
  }
}
