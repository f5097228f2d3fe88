import { afterEach } from 'vitest'
import { openFakeUpstream, type FakeUpstream, type FakeUpstreamOptions } from './fake-upstream.ts'
import { createRegistryClient, type RegistryClient } from './registry-client.ts'
import type { RegistryConnectionOptions } from './registry-connection.ts'

/** Both sides of a pull: registries that are none, and clients of them. */
export interface FakePull {
  readonly upstreamOf: (options?: FakeUpstreamOptions) => Promise<FakeUpstream>
  readonly clientOf: (
    upstream: Pick<FakeUpstream, 'host'>,
    options?: Partial<RegistryConnectionOptions>,
  ) => RegistryClient
}

/** For the tests of one file: what a test opened is closed after it. */
export function createFakePull(): FakePull {
  const open: AsyncDisposable[] = []
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
  })

  return {
    async upstreamOf(options = {}) {
      const upstream = await openFakeUpstream(options)
      open.push(upstream)
      return upstream
    },

    clientOf(upstream, options = {}) {
      const client = createRegistryClient({ registry: upstream.host, ...options })
      open.push(client)
      return client
    },
  }
}
