import type { Referrer, SpeakingTag } from '../content.ts'
import type { Digest } from '../oci/digest.ts'
import { Fault } from '../oci/fault.ts'
import { artifactTypeOf, type Manifest } from '../oci/manifest.ts'
import { isManifestType } from '../oci/media-type.ts'
import { isOwnArtifact } from '../oci/own-artifact.ts'

/** More than any honest image has. */
export const maxReferrers = 1000
/** All of them are in memory at a time; bytes. */
const maxReferrerBytes = 64 * 1024 * 1024

/** Manifests that speak of others, parts before wholes, and the tags by which some of them are found. */
export interface ReferrerGraph {
  readonly manifests: readonly Manifest[]
  readonly tags: ReadonlyMap<Digest, readonly SpeakingTag[]>
}

export interface ReadReferrersOptions {
  /** What is spoken of. */
  readonly subjects: readonly Manifest[]
  readonly listAll: (subjects: readonly Manifest[]) => Promise<readonly (readonly Referrer[])[]>
  /** A referrer with what it consists of, itself last; nothing if it has gone meanwhile. */
  readonly readAll: (referrers: readonly Referrer[]) => Promise<readonly (readonly Manifest[])[]>
  /** For messages. */
  readonly what: string
}

/**
 * Finds what speaks of some manifests, and what speaks of that in turn (a countersigned signature); what we made ourselves is
 * left out.
 * @throws Fault invalid if there is no end to it
 */
export async function readReferrers({
  subjects,
  listAll,
  readAll,
  what,
}: ReadReferrersOptions): Promise<ReferrerGraph> {
  const known = new Set(subjects.map(({ digest }) => digest))
  const found = new Map<Digest, Manifest>()
  const tags = new Map<Digest, SpeakingTag[]>()
  for (let level = subjects; level.length > 0;) {
    const bySubject = (await listAll(level)).map((all) => all.filter(isOfInterest))
    for (const [index, { digest: speaksOf }] of level.entries()) {
      for (const { descriptor, tag } of bySubject[index] ?? []) {
        if (tag === undefined) continue
        tags.set(descriptor.digest, [...(tags.get(descriptor.digest) ?? []), { tag, speaksOf }])
      }
    }
    const listed = bySubject.flat()
    const unseen = new Map(listed.map((referrer) => [referrer.descriptor.digest, referrer]))
    for (const digest of known) unseen.delete(digest)
    check([...unseen.values()].map(({ descriptor }) => descriptor.size))
    level = (await readAll([...unseen.values()])).flat().filter((manifest) => !isOwnArtifact(artifactTypeOf(manifest)))
    for (const manifest of level) {
      known.add(manifest.digest)
      found.set(manifest.digest, manifest)
    }
    check([])
  }
  return { manifests: [...found.values()], tags }

  function check(sizesToCome: readonly number[]): void {
    const sizes = [...[...found.values()].map(({ raw }) => raw.length), ...sizesToCome]
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    if (sizes.length > maxReferrers || bytes > maxReferrerBytes) {
      throw new Fault(
        'invalid',
        `${what}: more signatures and other referrers hang on it, or larger ones, than an image has`,
      )
    }
  }
}

/** Not what we made ourselves. */
export function isOfInterest({ descriptor: { mediaType, artifactType } }: Referrer): boolean {
  return isManifestType(mediaType) && !isOwnArtifact(artifactType)
}
