import { isDigest, whyNotDigest, type Digest } from '../oci/digest.ts'
import { Fault } from '../oci/fault.ts'
import { isRepository, isTag } from '../oci/reference.ts'

/** An image of one registry, which goes without saying: nothing is added in front of what is written. */
export interface MirrorReference {
  readonly repository: string
  readonly tag?: string | undefined
  readonly digest?: Digest | undefined
}

/**
 * Reads `REPOSITORY[:TAG][@DIGEST]`, such as `docker.io/library/nginx:1.29`.
 * @throws Fault invalid
 */
export function parseMirrorReference(text: string): MirrorReference {
  const [, repository = '', tag, digest] = /^([^@]*?)(?::([^:/@]*))?(?:@(.*))?$/s.exec(text) ?? []
  const shown = text.slice(0, 300)
  if (!isRepository(repository)) {
    throw new Fault(
      'invalid',
      `"${shown}" is not an image of a mirror; write REPOSITORY:TAG or REPOSITORY@DIGEST, a port of a registry behind _`,
    )
  }
  if (tag !== undefined && !isTag(tag)) throw new Fault('invalid', `"${shown}": "${tag}" is not a tag`)
  if (digest !== undefined && !isDigest(digest)) {
    throw new Fault('invalid', `"${shown}": what follows "@" ${whyNotDigest(digest)}`)
  }
  return { repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) }
}

/** What a registry is asked for. */
export function wordOf({ tag, digest }: Pick<MirrorReference, 'tag' | 'digest'>): string {
  return digest ?? tag ?? 'latest'
}
