import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { blobsOf, type Manifest } from '../oci/manifest.ts'
import { createRecentlyUsed } from '../store/recently-used.ts'

/** Which blobs belong to a repository, and how large they are, as its manifests say: an upstream need not be asked for that. */
export interface KnownParts {
  note(repository: string, manifest: Manifest): void
  /** An upstream said of a blob that the repository has it. */
  noteBlob(repository: string, blob: Descriptor): void
  /** Whether a manifest was noted, not too long ago. */
  isNoted(repository: string, manifest: Digest): boolean
  find(repository: string, digest: Digest): Descriptor | undefined
  /** The manifest that was noted last of those which name a blob. */
  manifestWith(repository: string, blob: Digest): Digest | undefined
}

interface Known {
  readonly blob: Descriptor
  readonly manifest: Digest | undefined
}

/** So many blobs are known at a time. */
const mostKnown = 20_000

export function createKnownParts(): KnownParts {
  const noted = createRecentlyUsed<true>(mostKnown / 10)
  const known = createRecentlyUsed<Known>(mostKnown)
  const noteBlob = (repository: string, blob: Descriptor, manifest?: Digest): void =>
    known.set(`${repository} ${blob.digest}`, { blob, manifest }, 1)

  return {
    noteBlob: (repository, blob) => noteBlob(repository, blob),
    isNoted: (repository, manifest) => noted.get(`${repository} ${manifest}`) ?? false,
    note(repository, manifest) {
      noted.set(`${repository} ${manifest.digest}`, true, 1)
      if (manifest.kind === 'index') return
      for (const blob of blobsOf(manifest)) noteBlob(repository, blob, manifest.digest)
    },
    find: (repository, digest) => known.get(`${repository} ${digest}`)?.blob,
    manifestWith: (repository, blob) => known.get(`${repository} ${blob}`)?.manifest,
  }
}
