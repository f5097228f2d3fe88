import type { Referrer } from '../content.ts'
import type { Digest } from '../oci/digest.ts'
import { Fault } from '../oci/fault.ts'
import { artifactTypeOf, type Manifest } from '../oci/manifest.ts'
import { isManifestType } from '../oci/media-type.ts'
import { isOwnArtifact } from '../oci/own-artifact.ts'

/** More than any honest image has. */
const maxReferrers = 1000

/** Manifests that speak of others, parts before wholes, and the tags by which some of them are found. */
export interface ReferrerGraph {
  readonly manifests: readonly Manifest[]
  readonly tags: ReadonlyMap<Digest, readonly string[]>
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
  const tags = new Map<Digest, string[]>()
  for (let level = subjects; level.length > 0;) {
    const listed = (await listAll(level)).flat().filter(isOfInterest)
    for (const { descriptor, tag } of listed) {
      if (tag !== undefined) tags.set(descriptor.digest, [...(tags.get(descriptor.digest) ?? []), tag])
    }
    const unseen = new Map(listed.map((referrer) => [referrer.descriptor.digest, referrer]))
    for (const digest of known) unseen.delete(digest)
    if (found.size + unseen.size > maxReferrers) {
      throw new Fault('invalid', `${what}: more than ${maxReferrers} signatures and other referrers hang on it`)
    }
    level = (await readAll([...unseen.values()])).flat().filter((manifest) => !isOwnArtifact(artifactTypeOf(manifest)))
    for (const manifest of level) {
      known.add(manifest.digest)
      found.set(manifest.digest, manifest)
    }
  }
  return { manifests: [...found.values()], tags }
}

function isOfInterest({ descriptor: { mediaType, artifactType } }: Referrer): boolean {
  return isManifestType(mediaType) && !isOwnArtifact(artifactType)
}
