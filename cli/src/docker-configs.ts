import type { CredentialSource } from '@stowage/mirror/registry/credential'
import type { Logger } from 'pino'
import { openDockerConfig, type FollowedDockerConfig } from './followed-docker-config.ts'

/** One that several may share. */
export interface SharedDockerConfig {
  readonly credentials: CredentialSource
  /** Is told of every change while it is in use. */
  onChange(listener: () => void): void
}

/** The Docker configurations of upstreams: one for each path, whoever names it. */
export interface DockerConfigs {
  /** @throws Fault invalid */
  open(path: string): Promise<SharedDockerConfig>
  /** Says which of those that were opened are named at the moment; the others are looked at no more, and opened anew. */
  use(paths: ReadonlySet<string>): void
  /** Follows those in use until the signal. */
  follow(signal: AbortSignal): Promise<void>
}

interface Opened extends SharedDockerConfig {
  readonly config: FollowedDockerConfig
  readonly listeners: Set<() => void>
}

export function createDockerConfigs(log: Logger): DockerConfigs {
  const known = new Map<string, Promise<Opened>>()
  let used: ReadonlySet<string> = new Set()
  let until: AbortSignal | undefined
  /** By path, what ends them. */
  const followers = new Map<string, AbortController>()
  const endings = new Set<Promise<void>>()
  const over = Promise.withResolvers<void>()

  async function openOne(path: string): Promise<Opened> {
    const config = await openDockerConfig(path, log)
    const listeners = new Set<() => void>()
    return { config, listeners, credentials: config.credentials, onChange: (listener) => void listeners.add(listener) }
  }

  async function open(path: string): Promise<Opened> {
    const opening = known.get(path) ?? openOne(path)
    known.set(path, opening)
    try {
      return await opening
    } catch (error) {
      known.delete(path)
      throw error
    }
  }

  async function followOne(path: string, signal: AbortSignal): Promise<void> {
    const { config, listeners } = await open(path)
    await config.follow(() => listeners.forEach((tell) => tell()), signal)
  }

  function begin(path: string, signal: AbortSignal): void {
    const follower = new AbortController()
    followers.set(path, follower)
    const ending = followOne(path, AbortSignal.any([signal, follower.signal]))
      .catch(over.reject)
      .finally(() => endings.delete(ending))
    endings.add(ending)
  }

  function beginAll(): void {
    if (until) for (const path of used) if (!followers.has(path)) begin(path, until)
  }

  return {
    open,

    use(paths) {
      used = paths
      for (const path of new Set(known.keys()).difference(used)) {
        known.delete(path)
        followers.get(path)?.abort()
        followers.delete(path)
      }
      beginAll()
    },

    async follow(signal) {
      until = signal
      signal.addEventListener('abort', () => over.resolve(), { once: true })
      if (signal.aborted) over.resolve()
      beginAll()
      await over.promise
      await Promise.all(endings)
    },
  }
}
