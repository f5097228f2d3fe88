import { isDigest, type Digest } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { isManifestType } from '@stowage/mirror/oci/media-type'
import type { LayoutBlobs } from './layout-blobs.ts'
import type { LayoutEntry } from './layout-index.ts'

/** Something that a document points at. */
interface Mention {
  readonly digest: Digest
  readonly mediaType: string
}

/**
 * What entries reach, as far as it is there: each once, and each behind all that it points at. Others' artifacts count
 * as well: whatever a document names by digest is reached, whether we know the field or not.
 * @param onDamage told of manifests that cannot be read: what those reach is not known
 */
export async function reachableFrom(
  entries: readonly LayoutEntry[],
  blobs: LayoutBlobs,
  onDamage: (digest: Digest) => void,
): Promise<Digest[]> {
  const done = new Set<Digest>()
  const seen = new Set<Digest>()

  async function visit(digest: Digest, isDocument: boolean, mediaType: string): Promise<void> {
    if (seen.has(digest)) return
    seen.add(digest)
    for (const mention of isDocument ? await mentionsIn(digest, mediaType) : []) {
      await visit(mention.digest, isManifestType(mention.mediaType), mention.mediaType)
    }
    done.add(digest)
  }

  async function mentionsIn(digest: Digest, mediaType: string): Promise<Mention[]> {
    const raw = await blobs.readDocument(digest)
    if (raw === undefined) return []
    const json = raw === 'damaged' ? undefined : parsed(raw)
    if (json === undefined && isManifestType(mediaType)) onDamage(digest)
    return mentions(json)
  }

  // An entry may be a document of a type that we have never heard of: it is looked into, whatever it says it is.
  for (const { digest, mediaType } of entries) await visit(digest, true, mediaType)
  return [...done]
}

/**
 * Refuses to say what others' entries reach where that cannot be known.
 * @throws Fault invalid
 */
export function refuseDamage(digest: Digest): never {
  throw new Fault('invalid', `manifest ${digest} in the layout is damaged; nothing is cleaned up before it is replaced`)
}

function mentions(json: unknown): Mention[] {
  if (Array.isArray(json)) return json.flatMap(mentions)
  if (typeof json !== 'object' || json === null) return []
  const nested = Object.values(json).flatMap(mentions)
  const { digest, mediaType } = json as { digest?: unknown; mediaType?: unknown }
  if (typeof digest !== 'string' || !isDigest(digest)) return nested
  return [{ digest, mediaType: typeof mediaType === 'string' ? mediaType : '' }, ...nested]
}

function parsed(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString())
  } catch {
    // Damage of another kind: its bytes are right, but it is no document.
    return undefined
  }
}
