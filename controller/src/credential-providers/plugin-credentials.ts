import { isFault, type Fault } from '@stowage/mirror/oci/fault'
import type { Credential, CredentialEntry } from '@stowage/mirror/registry/credential'
import type { AskPlugin } from './ask-plugin.ts'
import type { CacheKeyType, PluginAnswer } from './plugin-answer.ts'
import type { CredentialProvider } from './provider-config.ts'

export interface PluginCredentialsOptions {
  readonly ask: AskPlugin
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
}

/** The credentials that one plugin gives, kept as long as it says. */
export interface PluginCredentials {
  /** @throws Fault unavailable, as the rest of a sentence */
  entriesFor(image: string): Promise<readonly CredentialEntry[]>
  /**
   * What there is for an image after a registry refused what was given for it: what is kept may have expired elsewhere. Empty if
   * nothing would be gained by asking again.
   * @throws Fault unavailable, as the rest of a sentence
   */
  renewed(image: string, refused: readonly Credential[]): Promise<readonly CredentialEntry[]>
}

interface Kept {
  readonly entries: readonly CredentialEntry[]
  readonly since: number
  readonly until: number
}

type Outcome = { readonly entries: readonly CredentialEntry[] } | { readonly fault: Fault }

/** What was given a moment ago is not asked for again because it was refused. */
const renewAfterMs = 2000
/** Whom a plugin failed a moment ago it is not asked again for: many images may wait for one that hangs. */
const tryAgainAfterMs = 3000

/**
 * One call of a plugin at a time for whatever it gives one answer for: an image, a registry, or everything. Which of these it is
 * shows its first answer; until then there is one call at a time. Keys of the cache and their order are the kubelet's
 * (provide and getCachedCredentials in pkg/credentialprovider/plugin/plugin.go of Kubernetes).
 */
export function createPluginCredentials(
  provider: CredentialProvider,
  { ask, now }: PluginCredentialsOptions,
): PluginCredentials {
  const kept = new Map<string, Kept>()
  const failed = new Map<string, { readonly fault: Fault; readonly until: number }>()
  const underWay = new Map<string, { readonly image: string; readonly outcome: Promise<Outcome> }>()
  let keyType: CacheKeyType | undefined

  async function call(image: string): Promise<Outcome> {
    try {
      const answer = await ask(provider, image)
      keyType = answer.cacheKeyType
      const entries = entriesOf(answer, provider.name)
      keep(keyOf(answer.cacheKeyType, image), entries, answer.cacheMs ?? provider.defaultCacheMs)
      return { entries }
    } catch (fault) {
      if (!isFault(fault)) throw fault
      return { fault }
    }
  }

  function keep(key: string, entries: readonly CredentialEntry[], forMs: number): void {
    const since = now()
    for (const [old, { until }] of kept) if (until <= since) kept.delete(old)
    if (forMs > 0) kept.set(key, { entries, since, until: since + forMs })
  }

  function keptFor(image: string): readonly [key: string, Kept] | undefined {
    const keys = (['Image', 'Registry', 'Global'] as const).map((type) => keyOf(type, image))
    const found = keys.flatMap((key) => {
      const entry = kept.get(key)
      return entry && entry.until > now() ? [[key, entry] as const] : []
    })
    return found[0]
  }

  function flightKeyOf(image: string): string {
    return keyType ? keyOf(keyType, image) : 'first'
  }

  async function begin(key: string, image: string): Promise<Outcome> {
    const outcome = call(image)
    underWay.set(key, { image, outcome })
    try {
      const ended = await outcome
      for (const [old, { until }] of failed) if (until <= now() || old === key) failed.delete(old)
      if ('fault' in ended) failed.set(key, { fault: ended.fault, until: now() + tryAgainAfterMs })
      return ended
    } finally {
      underWay.delete(key)
    }
  }

  async function outcomeFor(image: string): Promise<Outcome> {
    for (;;) {
      const known = keptFor(image)
      if (known) return known[1]
      const key = flightKeyOf(image)
      const failure = failed.get(key)
      if (failure && failure.until > now()) return failure
      const other = underWay.get(key)
      if (!other) return await begin(key, image)
      const outcome = await other.outcome
      if (other.image === image) return outcome
    }
  }

  async function entriesFor(image: string): Promise<readonly CredentialEntry[]> {
    const outcome = await outcomeFor(image)
    if ('fault' in outcome) throw outcome.fault
    return outcome.entries
  }

  return {
    entriesFor,

    async renewed(image, refused) {
      const known = keptFor(image)
      if (!known) return underWay.has(flightKeyOf(image)) ? await entriesFor(image) : []
      const [key, { entries, since }] = known
      if (!entries.some(({ credential }) => refused.includes(credential))) return entries
      if (since + renewAfterMs > now()) return []
      kept.delete(key)
      return await entriesFor(image)
    },
  }
}

function keyOf(type: CacheKeyType, image: string): string {
  if (type === 'Global') return type
  return `${type} ${type === 'Image' ? image : (image.split('/')[0] ?? '')}`
}

function entriesOf({ auth }: PluginAnswer, name: string): CredentialEntry[] {
  const origin = `credential provider ${name}`
  return Object.entries(auth).map(([key, { username, password }]) => ({
    key,
    credential: { username, password, origin },
  }))
}
