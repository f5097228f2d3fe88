import { describe, expect, it } from 'vitest'
import type { Credential } from './credential.ts'
import { addFakeImage, fakeContent } from './fake-image.ts'
import { createFakePull } from './fake-pull.ts'

const { upstreamOf, clientOf } = createFakePull()

const alice: Credential = { username: 'alice', password: 'geheim', origin: 'Secret team/pull' }
const only = (...credentials: Credential[]) => ({ credentials: async () => credentials })

const bytesOf = async (body: AsyncIterable<Uint8Array>): Promise<Buffer> => Buffer.concat(await Array.fromAsync(body))

describe('redirects', () => {
  const access = { kind: 'basic', users: { alice: 'geheim' } } as const

  it('lead to the storage with the range and without the credential', async () => {
    const upstream = await upstreamOf({ access, redirectBlobs: true })
    const { layer } = addFakeImage(upstream)
    const body = await clientOf(upstream, only(alice)).blob('team/app', layer, { offset: 299_990 })
    expect((await bytesOf(body)).equals(fakeContent.subarray(299_990))).toBe(true)
    const [atStorage] = upstream.requests.filter(({ server }) => server === 'storage')
    expect(atStorage?.headers).toMatchObject({ range: 'bytes=299990-' })
    expect(atStorage?.headers).not.toHaveProperty('authorization')
  })

  it('are asked for again when the storage refuses one that has run out', async () => {
    const upstream = await upstreamOf({ access, redirectBlobs: true })
    const { layer } = addFakeImage(upstream)
    upstream.trouble({ when: /^GET storage/, times: 1, answer: { status: 403 } })
    expect(await bytesOf(await clientOf(upstream, only(alice)).blob('team/app', layer))).toHaveLength(layer.size)
  })

  it('are no matter of our credentials when the storage refuses all of them', async () => {
    const upstream = await upstreamOf({ redirectBlobs: true })
    const { layer } = addFakeImage(upstream)
    upstream.trouble({ when: /^GET storage/, answer: { status: 403 } })
    const fault = await clientOf(upstream)
      .blob('team/app', layer)
      .catch((error: unknown) => error)
    expect(fault).toMatchObject({ code: 'unavailable' })
    expect(String(fault)).not.toContain('signature')
  })

  it('end after five', async () => {
    const upstream = await upstreamOf()
    addFakeImage(upstream)
    upstream.trouble({ when: /./, answer: { status: 302, headers: { location: '/v2/round' } } })
    await expect(clientOf(upstream).manifest('team/app', 'v1')).rejects.toMatchObject({ code: 'unavailable' })
    expect(upstream.requests).toHaveLength(6)
  })

  it('to nowhere are refused', async () => {
    const upstream = await upstreamOf()
    upstream.trouble({ when: /./, answer: { status: 302, headers: { location: 'file:///etc/passwd' } } })
    await expect(clientOf(upstream).manifest('team/app', 'v1')).rejects.toMatchObject({ code: 'unavailable' })
  })
})
