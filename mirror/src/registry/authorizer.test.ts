import { describe, expect, it } from 'vitest'
import { Fault } from '../oci/fault.ts'
import { credentialsFromEntries } from './credential-source.ts'
import type { Credential } from './credential.ts'
import { addFakeImage, fakeContent } from './fake-image.ts'
import { createFakePull } from './fake-pull.ts'
import type { FakeUpstream } from './fake-upstream.ts'

const { upstreamOf, clientOf } = createFakePull()

const alice: Credential = { username: 'alice', password: 'geheim', origin: 'Secret team/pull' }
const bob: Credential = { username: 'bob', password: 'b', origin: 'config.json' }
const only = (...credentials: Credential[]) => ({ credentials: async () => credentials })

const bytesOf = async (body: AsyncIterable<Uint8Array>): Promise<Buffer> => Buffer.concat(await Array.fromAsync(body))

describe('access by password', () => {
  const access = { kind: 'basic', users: { alice: 'geheim', bob: 'b' } } as const

  it('shows nothing before it is asked, and then at once', async () => {
    const upstream = await upstreamOf({ access })
    addFakeImage(upstream)
    const client = clientOf(upstream, only(alice))
    await client.resolve('team/app', 'v1')
    await client.resolve('team/app', 'v1')
    const shown = upstream.requests.map(({ headers }) => headers.authorization !== undefined)
    expect(shown).toEqual([false, true, true])
  })

  it('tries one credential after another and stays with the one that was accepted', async () => {
    const upstream = await upstreamOf({ access })
    const { root } = addFakeImage(upstream)
    const client = clientOf(upstream, only({ ...alice, password: 'wrong' }, bob))
    expect(await client.resolve('team/app', 'v1')).toEqual(root)
    const before = upstream.requests.length
    await client.resolve('team/app', 'v1')
    expect(upstream.requests).toHaveLength(before + 1)
  })

  it('says who was refused and where the credential is from, and not the password', async () => {
    const upstream = await upstreamOf({ access: { kind: 'basic', users: {} } })
    const fault = await clientOf(upstream, only(alice, bob))
      .manifest('team/app', 'v1')
      .catch((error: unknown) => error)
    expect(fault).toMatchObject({ code: 'denied' })
    expect(fault).toHaveProperty(
      'message',
      expect.stringMatching(/alice \(from Secret team\/pull\).*bob \(from config.json\)/),
    )
    expect(String(fault)).not.toContain('geheim')
  })

  it('says what is missing when there is no credential', async () => {
    const upstream = await upstreamOf({ access })
    await expect(clientOf(upstream).manifest('team/app', 'v1')).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining(`add an image pull secret or a Docker configuration for ${upstream.host}`),
    })
  })

  it('looks for credentials again when the accepted one is refused', async () => {
    const users: Record<string, string> = { alice: 'geheim' }
    const upstream = await upstreamOf({ access: { kind: 'basic', users } })
    const { root } = addFakeImage(upstream)
    let current = alice
    const client = clientOf(upstream, { credentials: async () => [current] })
    await client.resolve('team/app', 'v1')
    users['alice'] = 'neu'
    current = { ...alice, password: 'neu' }
    expect(await client.resolve('team/app', 'v1')).toEqual(root)
  })

  it('matches credentials by the host and the repository', async () => {
    const upstream = await upstreamOf({ access })
    const { root } = addFakeImage(upstream)
    const entries = [
      { key: 'other.example', credential: bob },
      { key: `${upstream.host}/team`, credential: alice },
    ]
    const client = clientOf(upstream, { credentials: credentialsFromEntries(entries) })
    expect(await client.resolve('team/app', 'v1')).toEqual(root)
    await expect(client.resolve('other/app', 'v1')).rejects.toMatchObject({ code: 'denied' })
  })
})

describe('credentials that come from somewhere else', () => {
  const lacking = new Fault('unavailable', 'the vault is closed')

  it('are asked for again when they are refused, and what is new is tried', async () => {
    const users: Record<string, string> = { alice: 'geheim' }
    const upstream = await upstreamOf({ access: { kind: 'basic', users } })
    const { root } = addFakeImage(upstream)
    const asked: (readonly Credential[] | undefined)[] = []
    const client = clientOf(upstream, {
      credentials: async (_, { refused } = {}) => {
        asked.push(refused)
        return refused ? [{ ...alice, password: 'neu' }] : [alice]
      },
    })
    await client.resolve('team/app', 'v1')
    users['alice'] = 'neu'
    expect(await client.resolve('team/app', 'v1')).toEqual(root)
    expect(asked).toEqual([undefined, undefined, [alice]])
    await client.resolve('team/app', 'v1')
    expect(asked).toHaveLength(3)
  })

  it('are not missed by who is let in without them', async () => {
    const upstream = await upstreamOf({ access: { kind: 'basic', users: { bob: 'b' } } })
    const { root } = addFakeImage(upstream)
    expect(await clientOf(upstream, { credentials: async () => [lacking, bob] }).resolve('team/app', 'v1')).toEqual(
      root,
    )
    const open = await upstreamOf()
    addFakeImage(open)
    expect(await clientOf(open, { credentials: async () => [lacking] }).resolve('team/app', 'v1')).toEqual(root)
  })

  it('are named when nobody is let in, and may be there the next time', async () => {
    const upstream = await upstreamOf({ access: { kind: 'basic', users: {} } })
    const client = clientOf(upstream, { credentials: async () => [bob, lacking] })
    await expect(client.resolve('team/app', 'v1')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/bob \(from config.json\) was refused.*; the vault is closed$/),
    })
  })
})

describe('access by token', () => {
  const access = { kind: 'token', users: { alice: 'geheim' }, anonymous: true } as const
  const tokensAsked = (upstream: FakeUpstream) => upstream.requests.filter(({ path }) => path.startsWith('/token'))

  it('asks for the scope of the challenge with the password', async () => {
    const upstream = await upstreamOf({ access })
    const { root } = addFakeImage(upstream)
    expect(await clientOf(upstream, only(alice)).resolve('team/app', 'v1')).toEqual(root)
    const [asked] = tokensAsked(upstream)
    expect(asked?.path).toBe('/token?service=fake&scope=repository%3Ateam%2Fapp%3Apull')
    expect(asked?.headers.authorization).toBe(`Basic ${Buffer.from('alice:geheim').toString('base64')}`)
  })

  it('asks for an anonymous token where there is no credential', async () => {
    const upstream = await upstreamOf({ access })
    const { root } = addFakeImage(upstream)
    expect(await clientOf(upstream).resolve('team/app', 'v1')).toEqual(root)
    expect(tokensAsked(upstream)[0]?.headers.authorization).toBeUndefined()
  })

  it('posts an identity token', async () => {
    const upstream = await upstreamOf({ access: { kind: 'token', identityTokens: ['refresh'] } })
    const { root } = addFakeImage(upstream)
    const credential = { username: '', password: '', identityToken: 'refresh', origin: 'config.json' }
    expect(await clientOf(upstream, only(credential)).resolve('team/app', 'v1')).toEqual(root)
    const [asked] = tokensAsked(upstream)
    expect(asked?.method).toBe('POST')
    expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh',
      client_id: 'stowage',
      service: 'fake',
      scope: 'repository:team/app:pull',
    })
  })

  it('fetches one token for all who ask at the same time, and keeps it', async () => {
    const upstream = await upstreamOf({ access })
    const { layer, config } = addFakeImage(upstream)
    const client = clientOf(upstream)
    await Promise.all([layer, config, layer, config].map(async (blob) => bytesOf(await client.blob('team/app', blob))))
    await client.resolve('team/app', 'v1')
    expect(tokensAsked(upstream)).toHaveLength(1)
  })

  it('fetches a new one when a token has run out between two ranges', async () => {
    const upstream = await upstreamOf({ access })
    const { layer } = addFakeImage(upstream)
    const client = clientOf(upstream, only(alice))
    for await (const _ of await client.blob('team/app', layer)) break
    upstream.expireTokens()
    const rest = await bytesOf(await client.blob('team/app', layer, { offset: 1000 }))
    expect(rest.equals(fakeContent.subarray(1000))).toBe(true)
    expect(tokensAsked(upstream)).toHaveLength(2)
  })

  it('does not use a token that is about to expire', async () => {
    const upstream = await upstreamOf({ access: { ...access, expiresInSeconds: 0 } })
    addFakeImage(upstream)
    const client = clientOf(upstream)
    await client.resolve('team/app', 'v1')
    await client.resolve('team/app', 'v1')
    expect(tokensAsked(upstream)).toHaveLength(2)
    expect(upstream.requests.filter(({ path }) => path.startsWith('/v2/'))).toHaveLength(3)
  })

  it('says whom the token server refused', async () => {
    const upstream = await upstreamOf({ access })
    const wrong = { ...alice, password: 'falsch' }
    const fault = await clientOf(upstream, only(wrong))
      .manifest('team/app', 'v1')
      .catch((error: unknown) => error)
    expect(fault).toMatchObject({
      code: 'denied',
      message: expect.stringMatching(
        /team\/app:v1: no token for alice \(from Secret team\/pull\): .*incorrect username/,
      ),
    })
    expect(String(fault)).not.toContain('falsch')
  })

  it.each([
    ['is away', { status: 503, headers: { 'retry-after': '3' } }, 3000],
    ['gives no token', { status: 200, body: '{"token":""}' }, undefined],
    ['gives something that is no token', { status: 200, body: '{"token":"a\\r\\nx: y"}' }, undefined],
    ['is a web page', { status: 200, body: '<html>' }, undefined],
  ])('is unavailable when the token server %s', async (_, answer, retryAfterMs) => {
    const upstream = await upstreamOf({ access })
    upstream.trouble({ when: /token/, answer })
    await expect(clientOf(upstream).manifest('team/app', 'v1')).rejects.toMatchObject({
      code: 'unavailable',
      retryAfterMs,
    })
  })

  it('does not stop waiting for a token because another reader has left', async () => {
    const upstream = await upstreamOf({ access })
    const { root } = addFakeImage(upstream)
    const client = clientOf(upstream)
    const stop = new AbortController()
    const leaving = client.resolve('team/app', 'v1', { signal: stop.signal })
    const staying = client.resolve('team/app', 'v1')
    while (tokensAsked(upstream).length === 0) await new Promise((resolve) => setImmediate(resolve))
    stop.abort(new Error('left'))
    const [left, stayed] = await Promise.allSettled([leaving, staying])
    expect(stayed).toEqual({ status: 'fulfilled', value: root })
    if (left.status === 'rejected') expect(left.reason).toMatchObject({ message: 'left' })
  })
})
