import { isDigest, whyNotDigest, type Digest } from './digest.ts'
import { Fault } from './fault.ts'

/** An image reference, complete and canonical: the registry is always there, and at least one of tag and digest. */
export interface Reference {
  /** Host with port if one was given, such as `docker.io`, `127.0.0.1:5000`, `[::1]:5000`. */
  readonly registry: string
  /** Path below the registry, such as `library/nginx`. */
  readonly repository: string
  readonly tag?: string | undefined
  readonly digest?: Digest | undefined
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const repositoryGrammar = new RegExp(`^${component}(?:/${component})*$`)
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?'
const tag = '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'
const tagGrammar = new RegExp(`^${tag}$`)
const host = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`
const hostGrammar = new RegExp(`^${host}$`)
const digests = 'sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}'

/**
 * A regular expression, in what RE2 and ECMAScript have in common, that every text fits which `parseReference` takes. It knows
 * nothing of lengths and of words that are reserved.
 */
export const referencePattern: string = `(?:${host}/)?${component}(?:/${component})*(?::${tag})?(?:@(?:${digests}))?`

/** Whether a text may be a repository of a registry (distribution-spec, "Pulling manifests"; distribution/reference limits it to 255). */
export function isRepository(text: string): boolean {
  return text.length <= 255 && repositoryGrammar.test(text)
}

/** Whether a text may be a tag (distribution-spec, "Pulling manifests"). */
export function isTag(text: string): boolean {
  return tagGrammar.test(text)
}

/**
 * Reads an image reference as Docker and Kubernetes do (grammar and normalisation of distribution/reference):
 * `nginx` is `docker.io/library/nginx:latest`, `index.docker.io` is `docker.io`, a digest needs no tag.
 * @throws Fault invalid, with what is wrong
 */
export function parseReference(text: string): Reference {
  const [named, digest] = cutDigest(text)
  const [name, tag] = cutTag(named)
  const [registry, repository] = splitDomain(name)
  if (!hostGrammar.test(registry)) throw bad(text, `"${registry}" is not a registry host`)
  if (/^[a-f0-9]{64}$/.test(text)) throw bad(text, 'a bare 64-digit hex string is an image id, not a name')
  if (!repositoryGrammar.test(repository)) throw bad(text, whyNotRepository(repository))
  if (registry.length + repository.length + 1 > 255) throw bad(text, 'the name is longer than 255 characters')
  if (tag !== undefined && !tagGrammar.test(tag)) throw bad(text, `"${tag}" is not a tag`)
  if (tag === undefined && digest === undefined) return { registry, repository, tag: 'latest' }
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) }
}

/** The one way to write a reference; containerd and the kubelet name images like this. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

/** Whether a reference can come to mean something else: it names no digest. */
export function isMoving(reference: Reference): boolean {
  return reference.digest === undefined
}

/**
 * Where the mirror keeps what comes from a registry: its host as the first part of the repository,
 * `docker.io/library/nginx`. A port is written behind `_`, an IPv6 address with `-`, because repositories know no colons.
 */
export function mirrorRepositoryOf({ registry, repository }: Reference): string {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(registry.toLowerCase()) ?? []
  const host =
    bracketed === undefined ? plain : `ipv6.${bracketed.replaceAll('::', ':0:').split(':').filter(Boolean).join('-')}`
  return `${host}${port === undefined ? '' : `_${port}`}/${repository}`
}

function cutDigest(text: string): [string, Digest | undefined] {
  const at = text.indexOf('@')
  if (at < 0) return [text, undefined]
  const digest = text.slice(at + 1)
  if (!isDigest(digest)) throw bad(text, `what follows "@" ${whyNotDigest(digest)}`)
  return [text.slice(0, at), digest]
}

function cutTag(named: string): [string, string | undefined] {
  const colon = named.lastIndexOf(':')
  if (colon <= named.lastIndexOf('/')) return [named, undefined]
  return [named.slice(0, colon), named.slice(colon + 1)]
}

/** The first part is a host if it looks like one: a dot, a port, `localhost`, or capitals, which repositories must not have. */
function splitDomain(name: string): [string, string] {
  const slash = name.indexOf('/')
  const first = slash < 0 ? '' : name.slice(0, slash)
  const isHost = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first
  const [host, rest] = isHost ? [first, name.slice(slash + 1)] : ['docker.io', name]
  const registry = host === 'index.docker.io' ? 'docker.io' : host
  return [registry, registry === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest]
}

function whyNotRepository(repository: string): string {
  if (repository === '' || repository === 'library/') return 'the name is empty'
  if (/[A-Z]/.test(repository)) return `repository names are lower case: "${repository}"`
  return `"${repository}" is not a repository name`
}

function bad(text: string, why: string): Fault {
  return new Fault('invalid', `"${text.slice(0, 300)}" is not an image reference: ${why}`)
}
