import { parseMirrorReference } from '@stowage/mirror/images/mirror-reference'
import { isDigest, type Digest } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { parseReference } from '@stowage/mirror/oci/reference'

interface Named {
  /** As it was written. */
  readonly text: string
  readonly tag?: string | undefined
  readonly digest?: Digest | undefined
}

/** Where a copy comes from, or goes to. */
export type CopyEnd =
  | (Named & { readonly kind: 'registry'; readonly registry: string; readonly repository: string })
  /** What `--data` or `--mirror` names. */
  | (Named & { readonly kind: 'mirror'; readonly repository: string })
  /** A data directory that no mirror serves. */
  | (Named & { readonly kind: 'data'; readonly directory: string; readonly repository: string })
  /** `tag` is any name. */
  | (Named & { readonly kind: 'layout'; readonly directory: string })
  | (Named & { readonly kind: 'archive'; readonly file: string })

/** For help. */
export const copyEndHelp =
  'docker://HOST/REPOSITORY[:TAG], mirror:REPOSITORY[:TAG], data:DIR:REPOSITORY[:TAG], oci:DIR[:TAG] or oci-archive:FILE[:TAG]'

/**
 * Reads one end of a copy, in the words of skopeo (containers-transports(5)); `mirror:` and `data:` are ours. What stands behind the first colon of
 * a directory or file is the name in it.
 * @throws Fault invalid
 */
export function parseCopyEnd(text: string): CopyEnd {
  const [, transport, rest = ''] = /^(docker:\/\/|mirror:|data:|oci-archive:|oci:)(.+)$/s.exec(text) ?? []
  switch (transport) {
    case 'docker://':
      return inRegistry(text, rest)
    case 'mirror:':
      return { kind: 'mirror', text, ...parseMirrorReference(rest) }
    case 'data:': {
      const [, directory, reference] = /^([^:]+):(.+)$/s.exec(rest) ?? []
      if (directory === undefined || reference === undefined) {
        throw new Fault('invalid', `"${text}" names no image; write data:DIR:REPOSITORY:TAG`)
      }
      return { kind: 'data', text, directory, ...parseMirrorReference(reference) }
    }
    case 'oci:': {
      const { path, ...named } = inPath(rest)
      return { kind: 'layout', text, directory: path, ...named }
    }
    case 'oci-archive:': {
      const { path, ...named } = inPath(rest)
      return { kind: 'archive', text, file: path, ...named }
    }
    default:
      throw new Fault('invalid', `"${text.slice(0, 300)}" says not where it is; write ${copyEndHelp}`)
  }
}

/** The tag `latest` goes without saying at the source only. */
function inRegistry(text: string, rest: string): CopyEnd {
  const { registry, repository, tag, digest } = parseReference(rest)
  const isSaid = tag !== 'latest' || /:latest(?:@|$)/.test(rest)
  return { kind: 'registry', text, registry, repository, ...(isSaid && { tag }), ...(digest && { digest }) }
}

function inPath(rest: string): { readonly path: string } & Pick<Named, 'tag' | 'digest'> {
  const [, bare, digest] = /^(.+)@(sha(?:256|512):[a-f0-9]+)$/.exec(rest) ?? []
  if (bare !== undefined && digest !== undefined && isDigest(digest)) return { path: bare, digest }
  const colon = rest.indexOf(':')
  if (colon === 0 || colon === rest.length - 1) throw new Fault('invalid', `"${rest}" is not PATH or PATH:TAG`)
  return colon < 0 ? { path: rest } : { path: rest.slice(0, colon), tag: rest.slice(colon + 1) }
}
