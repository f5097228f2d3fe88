import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { isFault } from '../oci/fault.ts'
import { artifactTypeOf, descriptorOf, parseManifest, type ImageIndex, type Manifest } from '../oci/manifest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { referrersTagOf } from './list-referrers.ts'

export interface NotePlace {
  manifest(
    repository: string,
    reference: string,
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<Manifest>
  put(manifest: Manifest, tag: string): Promise<unknown>
}

/**
 * Adds a manifest to the list of what speaks of its subject, for a registry that keeps no such lists itself (distribution-spec,
 * "Referrers Tag Schema"). Who does the same at the same time may be overwritten, as the specification has it.
 * @throws Fault
 */
export async function noteReferrer(
  place: NotePlace,
  {
    repository,
    manifest,
    signal,
  }: {
    readonly repository: string
    readonly manifest: Manifest
    readonly signal?: AbortSignal | undefined
  },
): Promise<void> {
  if (!manifest.subject) return
  const tag = referrersTagOf(manifest.subject.digest)
  const noted = withReferrer(await listed(place, { repository, tag, signal }), manifest)
  if (noted) await place.put(noted, tag)
}

async function listed(
  place: NotePlace,
  { repository, tag, signal }: { repository: string; tag: string; signal?: AbortSignal | undefined },
): Promise<readonly Descriptor[]> {
  try {
    const index = await place.manifest(repository, tag, { signal })
    return index.kind === 'index' ? index.manifests : []
  } catch (error) {
    if (isFault(error, 'not-found')) return []
    throw error
  }
}

/** The list with one more in it; undefined if it is there. */
function withReferrer(manifests: readonly Descriptor[], referrer: Manifest): ImageIndex | undefined {
  if (manifests.some(({ digest }: { digest: Digest }) => digest === referrer.digest)) return undefined
  const { artifactType = artifactTypeOf(referrer), annotations } = referrer
  const entry = {
    ...descriptorOf(referrer),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  }
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [...manifests, entry] }
  return parseManifest(Buffer.from(JSON.stringify(index))) as ImageIndex
}
