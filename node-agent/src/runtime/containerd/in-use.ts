import type { Digest } from '@stowage/mirror/oci/digest'
import type { ImageRecord } from './image-records.ts'

/** What a container was made from, in the words of whoever told of it: a name, a name by digest, or an image ID. */
export type UsedImage = string

/**
 * Whether a container, running or not, is made from an image: the kubelet counts by image and not by name, so all names
 * of one image are in use together.
 */
export function isInUse(
  image: { readonly root: Digest; readonly config: Digest | undefined },
  used: Iterable<UsedImage>,
  records: readonly ImageRecord[],
): boolean {
  const names = new Set(records.filter(({ target }) => target.digest === image.root).map(({ name }) => name))
  for (const word of used) {
    if (names.has(word) || word.endsWith(`@${image.root}`)) return true
    if (image.config !== undefined && (word === image.config || word === image.config.replace('sha256:', '')))
      return true
  }
  return false
}
