import type { ContentSource } from '@stowage/mirror/content'
import type { CredentialEntry } from '@stowage/mirror/registry/credential'
import { digestOf } from '@stowage/mirror/oci/digest'
import type { UpstreamFor } from './upstream.ts'

type Client = ContentSource & Partial<AsyncDisposable>

export interface UpstreamClientsOptions {
  /** Opens a client; it is closed with all others if it can be. */
  readonly open: (...args: Parameters<UpstreamFor>) => Client
  /** How many connections to registries are kept. */
  readonly most?: number
}

/** Keeps a client for each registry and set of credentials, so that connections and tokens are used again. */
export function openUpstreamClients({ open, most = 64 }: UpstreamClientsOptions): AsyncDisposable & {
  readonly upstreamFor: UpstreamFor
} {
  const clients = new Map<string, Client>()
  const retired: Client[] = []

  return {
    upstreamFor(registry, credentials) {
      const key = keyOf(registry, credentials)
      const client = clients.get(key) ?? open(registry, credentials)
      clients.delete(key)
      clients.set(key, client)
      for (const [oldest, old] of clients) {
        if (clients.size <= most) break
        clients.delete(oldest)
        // Somebody may still read from it; it is closed with the others.
        retired.push(old)
      }
      return client
    },
    async [Symbol.asyncDispose]() {
      for (const client of [...clients.values(), ...retired]) await client[Symbol.asyncDispose]?.()
    },
  }
}

/** Not readable, as it is made of secrets. */
function keyOf(registry: string, credentials: readonly CredentialEntry[]): string {
  return digestOf(JSON.stringify([registry, credentials]))
}
