import type { Digest } from '@stowage/mirror/oci/digest'
import type { ImageRecord } from './image-records.ts'
import { isMarked, type Labels } from './labels.ts'

/**
 * The second name of an image, by its digest: what CRI looks for when a pod names one, with or without a tag, and tells as
 * repository digest. Undefined if it is the first one.
 */
export function digestNameOf(name: string, digest: Digest): string | undefined {
  const byDigest = `${name.replace(/@.*$/s, '').replace(/:[^:/]*$/, '')}@${digest}`
  return byDigest === name ? undefined : byDigest
}

/** The CRI plugin names each image by its ID, too. */
export function isIdName(name: string): boolean {
  return name.startsWith('sha256:')
}

/** Whether a name is only there because of another one, by the labels of the content that they mean. */
export function isCompanion(name: string, labels: Labels): boolean {
  return isMarked('companion', name, labels) && !isMarked('name', name, labels)
}

/** Names by digest that we made and that no tag needs any more: the tag went, or means something else now. */
export function orphansOf(digest: Digest, { records, labels }: KnownNames): ImageRecord[] {
  const same = records.filter(({ target }) => target.digest === digest)
  return same.filter(
    ({ name }) => isCompanion(name, labels) && !same.some((other) => digestNameOf(other.name, digest) === name),
  )
}

export interface KnownNames {
  readonly records: readonly ImageRecord[]
  /** Of the content that the names in question mean. */
  readonly labels: Labels
}

/**
 * Which records go with a name: itself, its name by digest if we made or adopted that, no set names it, and no other tag of
 * the repository has that digest, and its name by ID if nothing else names the image.
 */
export function recordsToGo({ name, target }: ImageRecord, { records, labels }: KnownNames): string[] {
  const going = [name]
  const others = records.filter((record) => record.target.digest === target.digest && record.name !== name)
  const byDigest = digestNameOf(name, target.digest)
  const isLastTag = !others.some((other) => digestNameOf(other.name, target.digest) === byDigest)
  if (byDigest && isLastTag && isCompanion(byDigest, labels)) going.push(byDigest)
  const left = others.filter((other) => !going.includes(other.name))
  if (left.every((other) => isIdName(other.name))) going.push(...left.map((other) => other.name))
  return going
}
