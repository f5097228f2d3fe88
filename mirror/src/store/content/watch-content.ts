import { isDigest, type Digest } from '../../oci/digest.ts'
import type { ObjectStore } from '../object-store.ts'
import { linkKey, tagPrefix } from './content-keys.ts'
import { parseDescriptor } from './descriptor-object.ts'
import { parseLink } from './link.ts'

/**
 * A question that tells, from memory and at once, whether a tag or digest still means this content of a repository, whose link
 * says the same as now and is not condemned. Undefined if memory does not say so now, or is never sure as others write to the store.
 */
export function watchContent(
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
