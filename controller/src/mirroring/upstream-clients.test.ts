import { describe, expect, it } from 'vitest'
import { createFakeUpstream } from '../testing/fake-upstream.ts'
import { openUpstreamClients } from './upstream-clients.ts'

describe('clients of upstreams', () => {
  const entry = (password: string) => ({ key: 'ghcr.io', credential: { username: 'u', password, origin: 'test' } })

  it('are used again for the same registry and credentials, and closed in the end', async () => {
    const open: string[] = []
    let closed = 0
    const clients = openUpstreamClients({
      most: 2,
      open: (registry, credentials) => {
        open.push(registry)
        const source = createFakeUpstream().upstreamFor(registry, credentials)
        return { ...source, [Symbol.asyncDispose]: async () => void closed++ }
      },
    })
    const first = clients.upstreamFor('ghcr.io', [entry('a')])
    expect(clients.upstreamFor('ghcr.io', [entry('a')])).toBe(first)
    expect(clients.upstreamFor('ghcr.io', [entry('b')])).not.toBe(first)
    clients.upstreamFor('docker.io', [])
    expect(open).toEqual(['ghcr.io', 'ghcr.io', 'docker.io'])
    expect(clients.upstreamFor('ghcr.io', [entry('a')])).not.toBe(first)
    expect(closed).toBe(0)
    await clients[Symbol.asyncDispose]()
    expect(closed).toBe(4)
  })
})
