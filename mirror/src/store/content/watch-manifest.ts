import { isDigest, type Digest } from '../../oci/digest.ts'
import type { ObjectStore } from '../object-store.ts'
import { linkKey, tagPrefix } from './content-keys.ts'
import { parseDescriptor } from './descriptor-object.ts'
import { parseLink } from './link.ts'

/**
 * A question that tells, from memory and at once, whether a reference still means this manifest in a repository, whose link says
 * the same and is not condemned. Undefined if memory does not say so now, or knows nothing for sure as others write to the store, too.
 */
export function watchManifest(
  objects: Pick<ObjectStore, 'peek'>,
  repository: string,
  { reference, digest }: { readonly reference: string; readonly digest: Digest },
): (() => boolean) | undefined {
  const key = linkKey(repository, digest)
  const link = objects.peek?.(key)
  if (!link || parseLink(link)?.condemnedAt !== undefined) return undefined
  if (isDigest(reference)) return () => objects.peek?.(key) === link
  const tagKey = tagPrefix(repository) + reference
  const tag = objects.peek?.(tagKey)
  if (!tag || parseDescriptor(tagKey, tag).digest !== digest) return undefined
  return () => objects.peek?.(key) === link && objects.peek(tagKey) === tag
}
