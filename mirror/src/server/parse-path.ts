import { isDigest, type Digest } from '../oci/digest.ts'
import { isRepository, isTag } from '../oci/reference.ts'
import { Refusal } from './refusal.ts'

/** What a path of the distribution API names (distribution-spec, "Endpoints"; `_catalog` is Docker's). */
export type RegistryPath =
  | { readonly kind: 'base' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'manifest'; readonly repository: string; readonly reference: ManifestReference }
  | { readonly kind: 'blob'; readonly repository: string; readonly digest: Digest }
  | { readonly kind: 'upload-start'; readonly repository: string }
  | { readonly kind: 'upload-session'; readonly repository: string; readonly session: string }
  | { readonly kind: 'referrers'; readonly repository: string; readonly digest: Digest }

export type ManifestReference =
  { readonly tag: string; readonly digest?: undefined } | { readonly digest: Digest; readonly tag?: undefined }

const sessionGrammar = /^[a-zA-Z0-9_-]{1,128}$/

/**
 * Reads the path of a request, without its query. Names contain slashes and may themselves contain `manifests` or `blobs`,
 * so it is read from its end.
 * @throws Refusal NAME_INVALID | DIGEST_INVALID | MANIFEST_UNKNOWN | BLOB_UPLOAD_UNKNOWN | NAME_UNKNOWN
 */
export function parsePath(path: string): RegistryPath {
  const [root, version, ...segments] = path.split('/').map(decodeSegment)
  if (root !== '' || version !== 'v2') throw unknownPath()
  if (segments.join('') === '') return { kind: 'base' }
  if (segments.length === 1 && segments[0] === '_catalog') return { kind: 'catalog' }
  return repositoryPath(segments)
}

function repositoryPath(segments: readonly string[]): RegistryPath {
  const [last = '', beforeLast = '', third = ''] = segments.toReversed()
  const repository = (): string => named(segments.slice(0, -2))
  switch (beforeLast) {
    case 'manifests':
      return { kind: 'manifest', repository: repository(), reference: manifestReference(last) }
    case 'referrers':
      return { kind: 'referrers', repository: repository(), digest: digest(last) }
    case 'blobs':
      if (last === 'uploads') return { kind: 'upload-start', repository: repository() }
      return { kind: 'blob', repository: repository(), digest: digest(last) }
    case 'tags':
      if (last === 'list') return { kind: 'tags', repository: repository() }
      break
    case 'uploads':
      if (third === 'blobs') return upload(named(segments.slice(0, -3)), last)
      break
  }
  throw unknownPath()
}

/** An encoded slash is refused: who checks paths in front of us must see the same segments. */
function decodeSegment(text: string): string {
  try {
    const segment = decodeURIComponent(text)
    if (!segment.includes('/')) return segment
  } catch {
    // Said below: malformed escapes are no more a name than encoded slashes are.
  }
  throw new Refusal('NAME_INVALID', `"${text.slice(0, 100)}" is not a part of a repository name`)
}

function named([first = '', ...others]: readonly string[]): string {
  // A registry with a port may be the first part where its images are asked for; names know no colons.
  const host = others.length > 0 ? first.replace(/^([a-z0-9.-]+):(\d{1,5})$/, '$1_$2') : first
  const repository = [host, ...others].join('/')
  if (isRepository(repository)) return repository
  throw new Refusal(
    'NAME_INVALID',
    `"${repository.slice(0, 300)}" is not a repository name: lower-case letters, digits, and ".", "_", "-", "/" between them`,
  )
}

function manifestReference(text: string): ManifestReference {
  if (text.includes(':')) return { digest: digest(text) }
  if (isTag(text)) return { tag: text }
  throw new Refusal('MANIFEST_UNKNOWN', `"${text.slice(0, 200)}" is neither a tag nor a digest`)
}

function digest(text: string): Digest {
  if (isDigest(text)) return text
  throw new Refusal('DIGEST_INVALID', `"${text.slice(0, 200)}" is not a sha256 or sha512 digest`)
}

function upload(repository: string, session: string): RegistryPath {
  if (session === '') return { kind: 'upload-start', repository }
  if (sessionGrammar.test(session)) return { kind: 'upload-session', repository, session }
  throw new Refusal('BLOB_UPLOAD_UNKNOWN', 'there is no such upload session')
}

function unknownPath(): Refusal {
  return new Refusal('NAME_UNKNOWN', 'the distribution API has no such path')
}
