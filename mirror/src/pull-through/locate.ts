import { mirrorRepositoryOf } from '../oci/reference.ts'
import { canonicalHost } from '../registry/match-credentials.ts'
import type { UpstreamSettings } from './upstream-settings.ts'

/** A repository of an upstream. */
export interface Place<Upstream> {
  readonly upstream: Upstream
  /** What the upstream calls it. */
  readonly sourceRepository: string
  /** What we call it. */
  readonly repository: string
}

export interface Located {
  /** As the path says. */
  readonly repository: string
  /** The host that containerd says it would ask for it (`ns=`). */
  readonly namespace: string | null
}

/**
 * Which repository of which upstream a request means: by `ns=` (distribution-spec, "Registry Proxying"), else by the beginning of
 * its path. `local` is none of an upstream's, and `unknown` of one that nobody allowed.
 */
export function locate<Upstream extends { readonly settings: UpstreamSettings }>(
  { repository, namespace }: Located,
  upstreams: readonly Upstream[],
): Place<Upstream> | 'local' | 'unknown' {
  if (namespace !== null) {
    const upstream = upstreams.find(({ settings }) => namesOf(settings).has(canonicalHost(namespace)))
    // hosts.toml with a path and override_path says it twice.
    return upstream ? (byPrefix(upstream, repository) ?? placeIn(upstream, repository)) : 'unknown'
  }
  for (const upstream of upstreams) {
    const place = byPrefix(upstream, repository)
    if (place) return place
  }
  return 'local'
}

/** Where the default upstream has what is not here. */
export function locateByDefault<Upstream extends { readonly settings: UpstreamSettings }>(
  repository: string,
  upstreams: readonly Upstream[],
): Place<Upstream> | undefined {
  const upstream = upstreams.find(({ settings }) => settings.isDefault)
  return upstream && placeIn(upstream, repository)
}

function byPrefix<Upstream extends { readonly settings: UpstreamSettings }>(
  upstream: Upstream,
  repository: string,
): Place<Upstream> | undefined {
  const prefix = prefixesOf(upstream.settings).find((one) => repository.startsWith(`${one}/`))
  return prefix === undefined ? undefined : placeIn(upstream, repository.slice(prefix.length + 1))
}

function placeIn<Upstream extends { readonly settings: UpstreamSettings }>(
  upstream: Upstream,
  repository: string,
): Place<Upstream> {
  const { host, prefix } = upstream.settings
  const isOfficial = host === dockerHub && !repository.includes('/')
  const sourceRepository = isOfficial ? `library/${repository}` : repository
  return { upstream, sourceRepository, repository: `${prefix}/${sourceRepository}` }
}

const dockerHub = 'docker.io'
/** How people write it in paths. */
const dockerHubNames = [dockerHub, 'index.docker.io', 'registry-1.docker.io']

function namesOf({ host, aliases }: UpstreamSettings): ReadonlySet<string> {
  return new Set([host, ...aliases])
}

function prefixesOf({ host, aliases, prefix }: UpstreamSettings): string[] {
  const names = host === dockerHub ? [...dockerHubNames, ...aliases] : [host, ...aliases]
  return [prefix, ...names.map(prefixOfHost)]
}

/** The first part of repositories that come from a host: `reg.local_5000` for `reg.local:5000`. */
export function prefixOfHost(host: string): string {
  return mirrorRepositoryOf({ registry: host, repository: '' }).slice(0, -1)
}
