import { parseSet, setRepository } from '../../edge/set.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { isFault } from '../../oci/fault.ts'
import { maxManifestSize, parseManifest, partsOf, type Manifest } from '../../oci/manifest.ts'
import { mirrorRepositoryOf, parseReference } from '../../oci/reference.ts'
import { blobKey } from '../content/content-keys.ts'
import type { ObjectStore } from '../object-store.ts'
import { readObject, readWhatThereIs } from '../read-object.ts'
import type { ContentRoot } from './content-root.ts'
import type { Pace } from './pace.ts'
import type { Edges } from './plan-links.ts'
import { severalAtOnce } from './several-at-once.ts'
import type { ReadRepository } from './read-repository.ts'

/** What the manifests of a repository say. */
export interface ReadManifests {
  /** From manifests to their parts, and from subjects to what speaks of them. */
  readonly edges: Edges
  /** Images in other repositories that the sets among them name. */
  readonly images: ReadonlyMap<Digest, readonly ContentRoot[]>
  /** Linked, but their bytes are not there or not right. */
  readonly damaged: ReadonlySet<Digest>
}

/** Reads all manifests that a repository links. */
export async function readManifests(
  objects: ObjectStore,
  { name, links, referrers, speakingTags }: ReadRepository,
  pace: Pace,
): Promise<ReadManifests> {
  const edges = new Map<Digest, Digest[]>()
  const images = new Map<Digest, ContentRoot[]>()
  const damaged = new Set<Digest>()
  const add = (from: Digest, to: readonly Digest[]): void => void edges.set(from, [...(edges.get(from) ?? []), ...to])
  for (const { subject, referrer } of referrers) add(subject, [referrer])
  for (const { speaksOf, tag } of speakingTags) add(speaksOf, [tag.digest])
  const linked = [...links].filter(([, { isManifest }]) => isManifest)
  const readOne = async ([digest, { link }]: (typeof linked)[number]): Promise<void> => {
    // Nobody else knows what a set that cannot be read would keep.
    const read = name === setRepository ? readObject : readWhatThereIs
    const object = await read(objects, blobKey(digest), { length: maxManifestSize + 1, isOnce: true })
    const manifest = object && manifestIn(object.bytes, { digest, mediaType: link.mediaType })
    if (!manifest) return void damaged.add(digest)
    add(digest, partsOf(manifest))
    // It may not stand in the list yet.
    if (manifest.subject) add(manifest.subject.digest, [digest])
    if (name === setRepository) images.set(digest, imagesOf(manifest))
  }
  await severalAtOnce(linked, pace, readOne)
  return { edges, images, damaged }
}

/** A manifest whose bytes are right. */
function manifestIn(bytes: Buffer, expected: Pick<Descriptor, 'digest' | 'mediaType'>): Manifest | undefined {
  try {
    return parseManifest(bytes, expected)
  } catch (error) {
    if (isFault(error)) return undefined
    throw error
  }
}

/** Where the images of a set are; nowhere if somebody put another manifest among the sets. */
function imagesOf({ raw, mediaType }: Manifest): ContentRoot[] {
  try {
    const { images } = parseSet(raw, { mediaType })
    return images.map(({ name, root }) => ({
      repository: mirrorRepositoryOf(parseReference(name)),
      digest: root.digest,
    }))
  } catch (error) {
    if (isFault(error)) return []
    throw error
  }
}
