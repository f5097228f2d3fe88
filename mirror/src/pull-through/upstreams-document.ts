import * as z from 'zod'
import { parseDuration } from '../duration.ts'
import { Fault, isFault } from '../oci/fault.ts'
import { parsePlatform } from '../oci/platform.ts'
import { isRepository, parseReference } from '../oci/reference.ts'
import { canonicalHost } from '../registry/match-credentials.ts'
import { parseSettings } from '../settings-document.ts'
import { prefixOfHost } from './locate.ts'
import type { Freshness } from './plan-freshness.ts'
import type { PrefixPrivacy } from './private-prefixes.ts'
import type { UpstreamSettings } from './upstream-settings.ts'

/** One upstream as it is written down: what is said of it, and how it is reached. */
export interface UpstreamEntry extends UpstreamSettings, PrefixPrivacy {
  /** Where it is, if not at its host over TLS. */
  readonly url: string | undefined
  /** Path of a Docker configuration with the credentials for it. */
  readonly dockerConfig: string | undefined
  /** Path of certificates in PEM that are trusted besides those of the system. */
  readonly caFile: string | undefined
  /** Of the proxy through which it is reached, if not that of the environment. */
  readonly proxy: string | undefined
}

const defaultFreshness: Freshness = { maxAgeMs: 5 * 60_000, staleMs: Infinity }

/** A schema of what one of our parsers reads. */
function read<T>(parse: (text: string) => T) {
  return z.string().transform((text, context) => {
    try {
      return parse(text)
    } catch (error) {
      if (!isFault(error)) throw error
      context.addIssue({ code: 'custom', message: error.message })
      return z.NEVER
    }
  })
}

const durationMs = read(parseDuration)

const freshness: z.ZodType<Freshness> = z.union(
  [
    z.enum(['pinned', 'always']),
    z
      .strictObject({ maxAge: durationMs, staleWhileRevalidate: durationMs.optional() })
      .transform(({ maxAge, staleWhileRevalidate: staleMs = Infinity }) => ({ maxAgeMs: maxAge, staleMs })),
  ],
  { error: 'neither pinned, nor always, nor maxAge (and staleWhileRevalidate) with durations such as 15m' },
)

const host = z
  .string()
  .refine(isHost, { message: 'not a host as references begin with it: HOST or HOST:PORT' })
  .transform(canonicalHost)
const repositoryPrefix = z.string().refine(isRepository, { message: 'not the beginning of a repository name' })
const webAddress = z
  .string()
  .refine(isWebAddress, { message: 'not a URL of http or https without a name, password or query' })
const proxyAddress = z.string().refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), {
  message: 'not the URL of a proxy (http://HOST:PORT or https://HOST:PORT)',
})

const entry = z
  .strictObject({
    host,
    aliases: z.array(host).default([]),
    prefix: repositoryPrefix.optional(),
    freshness: freshness.default(defaultFreshness),
    repositories: z.array(z.strictObject({ prefix: repositoryPrefix, freshness })).default([]),
    url: webAddress.optional(),
    plainHttp: z.boolean().default(false),
    dockerConfig: z.string().min(1).optional(),
    caFile: z.string().min(1).optional(),
    proxy: proxyAddress.optional(),
    private: z.boolean().optional(),
    default: z.boolean().default(false),
    prefetch: z
      .strictObject({ platforms: z.array(read(parsePlatform)).default([]), referrers: z.boolean().default(true) })
      .optional(),
  })
  .transform((one): UpstreamEntry => ({
    host: one.host,
    aliases: one.aliases,
    prefix: one.prefix ?? prefixOfHost(one.host),
    freshness: one.freshness,
    repositories: one.repositories,
    prefetch: one.prefetch,
    isPrivate: one.private ?? one.dockerConfig !== undefined,
    isMeantForAll: one.private === false,
    isDefault: one.default,
    url: one.url ?? (one.plainHttp ? `http://${one.host}` : undefined),
    dockerConfig: one.dockerConfig,
    caFile: one.caFile,
    proxy: one.proxy,
  }))

const document = z.strictObject({
  upstreams: z.array(entry).superRefine((entries, context) => {
    for (const [index, one] of entries.entries()) {
      const message = whyNotBeside(one, entries.slice(0, index))
      if (message !== undefined) context.addIssue({ code: 'custom', path: [index], message })
    }
  }),
})

/**
 * Reads which registries a mirror fetches from; no other is ever asked because a client wants it.
 * @throws Fault invalid, naming each field that is wrong
 */
export function parseUpstreams(text: string): readonly UpstreamEntry[] {
  return parseSettings(text, document).upstreams
}

/** An upstream of which nothing is said but where it is. */
export function plainUpstream(text: string): UpstreamEntry {
  const [one] = parseUpstreams(JSON.stringify({ upstreams: [{ host: text }] }))
  return one!
}

/**
 * Those of a file and those of flags.
 * @throws Fault invalid if two of them mean the same
 */
export function allUpstreams(
  some: readonly UpstreamEntry[],
  others: readonly UpstreamEntry[],
): readonly UpstreamEntry[] {
  return others.reduce((known, one) => {
    const why = whyNotBeside(one, known)
    if (why !== undefined) throw new Fault('invalid', `the upstream ${one.host} ${why}`)
    return [...known, one]
  }, some)
}

function whyNotBeside(one: UpstreamEntry, others: readonly UpstreamEntry[]): string | undefined {
  if (one.isDefault && others.some(({ isDefault }) => isDefault)) return 'is not the only one with "default"'
  const clash = others.find((other) => clashes(one, other))
  if (clash?.host === one.host) return 'is named twice'
  return clash && `has a host or prefix of ${clash.host}`
}

function isHost(text: string): boolean {
  try {
    return parseReference(`${text}/a/b:c`).registry === text || text === 'index.docker.io'
  } catch {
    // Why it is none is said by whoever asked.
    return false
  }
}

function isWebAddress(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash
}

/** One must not lie within the other: which of them a request means would hang on their order. */
function clashes(one: UpstreamEntry, other: UpstreamEntry): boolean {
  return pathsOf(one).some((a) => pathsOf(other).some((b) => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`)))
}

function pathsOf({ host: name, aliases, prefix }: UpstreamEntry): string[] {
  return [prefix, ...[name, ...aliases].map(prefixOfHost)]
}
