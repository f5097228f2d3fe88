import type { Credential, CredentialEntry, ImageName } from './credential.ts'
import { globMatches } from './glob.ts'

/** Every name of Docker Hub that is found as a key: its API, its index, and what references say. */
const dockerHubHosts = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io', 'registry.hub.docker.com'])

/**
 * The credentials that are for an image, most specific first, by the kubelet's rules (credentialprovider/keyring.go):
 * equal ports, one glob per label of the host, the path as a plain prefix. All names of Docker Hub are one.
 */
export function matchCredentials(entries: readonly CredentialEntry[], image: ImageName): Credential[] {
  const target = parseKey(`${image.registry}/${image.repository}`)
  if (!target) return []
  const matching = entries.flatMap(({ key, credential }) => {
    const pattern = parseKey(key)
    return pattern && matches(pattern, target) ? [{ order: `${pattern.host}${pattern.path}`, credential }] : []
  })
  const ordered = matching.toSorted((a, b) => (a.order < b.order ? 1 : a.order > b.order ? -1 : 0))
  return [...new Set(ordered.map(({ credential }) => credential))]
}

/** The host of a registry as references write it. */
export function canonicalHost(host: string): string {
  const lower = host.toLowerCase()
  return dockerHubHosts.has(lower) ? 'docker.io' : lower
}

interface Key {
  /** With port. */
  readonly host: string
  readonly path: string
}

/** A key of `auths` may carry a scheme and the version of the API (`https://index.docker.io/v1/`). */
function parseKey(key: string): Key | undefined {
  const [, host, path] = /^(?:https?:\/\/)?([^/]+)(.*)$/i.exec(key.trim()) ?? []
  if (host === undefined || path === undefined) return undefined
  const place = path.replace(/^\/v[12](?=\/)/, '')
  return { host: canonicalHost(host), path: place === '/' ? '' : place }
}

function matches(pattern: Key, target: Key): boolean {
  const [patternHost, patternPort] = splitPort(pattern.host)
  const [targetHost, targetPort] = splitPort(target.host)
  if (patternPort !== targetPort || !target.path.startsWith(pattern.path)) return false
  if (patternHost === targetHost) return true
  const labels = targetHost.split('.')
  const globs = patternHost.split('.')
  return labels.length === globs.length && globs.every((glob, index) => globMatches(glob, labels[index] ?? ''))
}

function splitPort(host: string): [string, string] {
  const [, name, port] = /^(.*?)(?::(\d+))?$/.exec(host) ?? []
  return [name ?? host, port ?? '']
}
