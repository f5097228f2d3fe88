import { isDigest, type Digest } from '../../oci/digest.ts'
import { isManifestType } from '../../oci/media-type.ts'
import { digestOfSegment } from '../content/content-keys.ts'
import { parseLink, type Link } from '../content/link.ts'
import { parseTagObject, type TagObject } from '../content/tag-object.ts'
import type { ObjectWithBytes } from '../list-with-bytes.ts'
import type { ObjectInfo } from '../object-store.ts'
import type { FoundLink } from './plan-links.ts'

/** A link with what is needed to write over this version of it. */
export interface ReadLink extends FoundLink {
  readonly link: Link
  readonly info: ObjectInfo
}

/** An entry in the list of what speaks of a manifest. */
export interface ReadReferrer {
  readonly subject: Digest
  readonly referrer: Digest
  readonly object: ObjectWithBytes
}

/** A tag that came with the image whose signature it means. */
export interface ReadSpeakingTag {
  readonly name: string
  readonly speaksOf: Digest
  readonly tag: TagObject
  readonly info: ObjectInfo
}

/** All that a repository says it contains, as it was read. */
export interface ReadRepository {
  readonly name: string
  readonly links: Map<Digest, ReadLink>
  /** What tags mean that somebody gave. */
  readonly tagged: Set<Digest>
  readonly speakingTags: ReadSpeakingTag[]
  readonly referrers: ReadReferrer[]
  /** Links that say nothing readable: their bytes are left alone. */
  readonly unreadable: Set<Digest>
  /** Names of tags that say nothing readable. */
  readonly unreadableTags: string[]
}

export function emptyRepository(name: string): ReadRepository {
  const none = {
    tagged: new Set<Digest>(),
    speakingTags: [],
    referrers: [],
    unreadable: new Set<Digest>(),
    unreadableTags: [],
  }
  return { name, links: new Map(), ...none }
}

/** Adds what one object of a repository says; `key` is what lies behind `repositories/NAME/`. */
export function addObject(repository: ReadRepository, key: string, object: ObjectWithBytes): void {
  const [part, first = '', second = ''] = key.split('/')
  if (part === '_links') addLink(repository, `${first}:${second}`, object)
  if (part === '_tags') addTag(repository, first, object)
  if (part === '_referrers') addReferrer(repository, [first, second], object)
}

function addLink({ links, unreadable }: ReadRepository, digest: string, { info, bytes }: ObjectWithBytes): void {
  if (!isDigest(digest)) return
  const link = parseLink(bytes)
  if (!link) return void unreadable.add(digest)
  const { mediaType, condemnedAt } = link
  links.set(digest, { link, info, changedAt: info.changedAt, condemnedAt, isManifest: isManifestType(mediaType) })
}

function addTag(repository: ReadRepository, name: string, { info, bytes }: ObjectWithBytes): void {
  const tag = parseTagObject(bytes)
  if (!tag) repository.unreadableTags.push(name)
  else if (tag.speaksOf) repository.speakingTags.push({ name, speaksOf: tag.speaksOf, tag, info })
  else repository.tagged.add(tag.digest)
}

function addReferrer({ referrers }: ReadRepository, names: readonly string[], object: ObjectWithBytes): void {
  const [subject, referrer] = names.map(digestOfSegment)
  if (subject && referrer) referrers.push({ subject, referrer, object })
}
