import type { Digest } from '../../oci/digest.ts'
import { algorithmOf, digestOf, hexOf, isDigest } from '../../oci/digest.ts'

// Every key that content is kept under. Parts of a repository begin with `_`, which no repository's own parts may.

/** Bytes of a blob or a manifest, shared by all repositories: the path that an OCI image layout gives them. */
export function blobKey(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`
}

/** The digest whose bytes a key holds, if it is that of a blob. */
export function digestOfBlobKey(key: string): Digest | undefined {
  return digestBehind('blobs/', key)
}

export const condemnedPrefix = 'condemned/'

/** The mark of bytes that a collection found no link to. */
export function condemnedKey(digest: Digest): string {
  return `${condemnedPrefix}${algorithmOf(digest)}/${hexOf(digest)}`
}

export function digestOfCondemnedKey(key: string): Digest | undefined {
  return digestBehind(condemnedPrefix, key)
}

export function linkKey(repository: string, digest: Digest): string {
  return `${linkPrefix(repository)}${algorithmOf(digest)}/${hexOf(digest)}`
}

export function linkPrefix(repository: string): string {
  return `repositories/${repository}/_links/`
}

/** The digest that a link stands for. */
export function digestOfLinkKey(repository: string, key: string): Digest | undefined {
  return digestBehind(linkPrefix(repository), key)
}

export function tagPrefix(repository: string): string {
  return `repositories/${repository}/_tags/`
}

export function referrersPrefix(repository: string, subject: Digest): string {
  return `repositories/${repository}/_referrers/${segmentOf(subject)}/`
}

export function referrerKey(repository: string, subject: Digest, referrer: Digest): string {
  return referrersPrefix(repository, subject) + segmentOf(referrer)
}

const ingestPrefix = 'ingest-'

/** The upload that collects a blob of known digest, the same in every process: that is how it is found again. */
export function ingestId(digest: Digest): string {
  return ingestPrefix + segmentOf(digest)
}

export function isIngestId(uploadId: string): boolean {
  return uploadId.startsWith(ingestPrefix)
}

/** Uploads of those who push to a repository begin so: whose they are can be told from the repository, not the other way round. */
export function sessionPrefix(repository: string): string {
  return `session-${hexOf(digestOf(repository)).slice(0, 16)}-`
}

/** Takes `repositories/NAME/_PART/…` apart. */
export function splitRepositoryKey(key: string): { readonly repository: string; readonly part: string } | undefined {
  const [, repository, part] = /^repositories\/(.+?)\/_([a-z]+)\//.exec(key) ?? []
  return repository === undefined || part === undefined ? undefined : { repository, part }
}

function digestBehind(prefix: string, key: string): Digest | undefined {
  const [algorithm = '', hex = '', ...rest] = key.startsWith(prefix) ? key.slice(prefix.length).split('/') : []
  const digest = `${algorithm}:${hex}`
  return rest.length === 0 && isDigest(digest) ? digest : undefined
}

/** What `segmentOf` wrote. */
export function digestOfSegment(segment: string): Digest | undefined {
  const digest = segment.replace('-', ':')
  return isDigest(digest) ? digest : undefined
}

function segmentOf(digest: Digest): string {
  return `${algorithmOf(digest)}-${hexOf(digest)}`
}
