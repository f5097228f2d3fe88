import type { Platform } from '../oci/platform.ts'
import type { Freshness } from './plan-freshness.ts'

/** What an operator says of one upstream. */
export interface UpstreamSettings {
  /** As references begin, in lower case and of Docker Hub's names the first: `docker.io`, `reg.local:5000`. */
  readonly host: string
  /** Other names of the same registry, in lower case. */
  readonly aliases: readonly string[]
  /** Of the repositories in which its content lies here, and of the paths by which it is asked for. */
  readonly prefix: string
  readonly freshness: Freshness
  /** Other freshness for repositories of the upstream that begin so; the longest one holds. */
  readonly repositories: readonly { readonly prefix: string; readonly freshness: Freshness }[]
  readonly prefetch: PrefetchSettings | undefined
  /** It is asked for what nothing here is called and no other upstream has: Docker says nothing more of its mirrors. */
  readonly isDefault: boolean
}

/** What is fetched with a new version of a tag before anybody asks for it. */
export interface PrefetchSettings {
  /** Images of these platforms with their attestations; none: only manifests that speak of the image. */
  readonly platforms: readonly Platform[]
  /** Signatures, SBOMs, attestations. */
  readonly referrers: boolean
}

/** The freshness of a repository of the upstream. */
export function freshnessOf({ freshness, repositories }: UpstreamSettings, repository: string): Freshness {
  const fitting = repositories.filter(({ prefix }) => repository === prefix || repository.startsWith(withSlash(prefix)))
  const [longest] = fitting.toSorted((a, b) => b.prefix.length - a.prefix.length)
  return longest?.freshness ?? freshness
}

function withSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix : `${prefix}/`
}
