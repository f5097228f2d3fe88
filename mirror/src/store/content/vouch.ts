import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { isFault } from '../../oci/fault.ts'
import { partsOf, type Manifest } from '../../oci/manifest.ts'
import { isManifestType } from '../../oci/media-type.ts'
import type { Links } from './links.ts'
import type { Manifests } from './manifests.ts'
import type { Referrers } from './referrers.ts'

/** What a repository has, for who builds on it: a collection gives it the grace anew. */
export interface Vouch {
  /** The link of a digest; of a manifest that was condemned all parts that are here are revived with it, and what speaks of it. */
  readonly vouchFor: (digest: Digest) => Promise<Descriptor | undefined>
  /** Those of these digests that are here. */
  readonly vouchForAll: (digests: readonly Digest[]) => Promise<Digest[]>
}

export interface VouchContext {
  readonly links: Links
  readonly manifests: Manifests
  readonly referrers: Referrers
}

/** So few at a time that other work gets its share of the disk. */
const batchSize = 16

export function createVouch({ links, manifests, referrers }: VouchContext): Vouch {
  async function vouchFor(digest: Digest): Promise<Descriptor | undefined> {
    const found = await links.revive(digest)
    if (!found) return undefined
    const { descriptor, wasCondemned } = found
    // Parents before parts: a collection that has not deleted the parent spares what it needs.
    if (wasCondemned && isManifestType(descriptor.mediaType)) await reviveBelow(descriptor)
    return descriptor
  }

  async function reviveBelow(descriptor: Descriptor): Promise<void> {
    const manifest = await readUnlessDamaged(descriptor)
    if (manifest) await vouchForAll(partsOf(manifest))
    await vouchForAll((await referrers.list(descriptor.digest)).map(({ digest }) => digest))
  }

  /** What a damaged manifest needs is not known here, nor to a collection, which leaves its repository alone. */
  async function readUnlessDamaged({ digest, mediaType }: Descriptor): Promise<Manifest | undefined> {
    try {
      return await manifests.read(digest, mediaType)
    } catch (error) {
      if (isFault(error, 'corrupt')) return undefined
      throw error
    }
  }

  async function vouchForAll(digests: readonly Digest[]): Promise<Digest[]> {
    const here: Digest[] = []
    for (let start = 0; start < digests.length; start += batchSize) {
      const found = await Promise.all(digests.slice(start, start + batchSize).map(vouchFor))
      here.push(...found.flatMap((descriptor) => descriptor?.digest ?? []))
    }
    return here
  }

  return { vouchFor, vouchForAll }
}
