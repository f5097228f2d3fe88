import { describe, expect, it } from 'vitest'
import { mediaTypes } from '../oci/media-type.ts'
import { addFakeImage } from '../registry/fake-image.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import type { FakeUpstream } from '../registry/fake-upstream.ts'
import { fakeRepository as repository, localPath as local, openFakeMirror } from './fake-mirror.ts'

const { upstreamOf } = createFakePull()
const lines = ({ requests }: FakeUpstream): string[] => requests.map(({ method, path }) => `${method} ${path}`)

function moveTag(upstream: FakeUpstream, tag = 'v1'): string {
  const config = upstream.addBlob(JSON.stringify({ text: 'another' }), mediaTypes.config)
  const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [] }
  return upstream.addManifest(repository, document, { tag }).digest
}

describe('a tag of an upstream', () => {
  it('is looked up behind the answer when it is old, and fetched only if it is new', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    const means = async () =>
      (await mirror.ask(`${local}/manifests/v1`, { method: 'HEAD' })).headers.get('docker-content-digest')
    expect(await means()).toBe(root.digest)
    const moved = moveTag(upstream)
    mirror.wait(59_000)
    expect(await means()).toBe(root.digest)
    expect(upstream.requests).toHaveLength(1)
    mirror.wait(2_000)
    expect(await means()).toBe(root.digest)
    await expect.poll(means).toBe(moved)
    expect(lines(upstream).slice(1)).toEqual([
      `HEAD /v2/${repository}/manifests/v1`,
      `GET /v2/${repository}/manifests/${moved}`,
    ])
    mirror.wait(61_000)
    await means()
    await expect.poll(() => upstream.requests.length).toBe(4)
  })

  it('that is pinned means for ever what it meant first', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream, { settings: { freshness: 'pinned' } })
    for (let count = 0; count < 3; count++) {
      const { headers } = await mirror.ask(`${local}/manifests/v1`)
      expect(headers.get('docker-content-digest')).toBe(root.digest)
      moveTag(upstream)
      mirror.wait(1e9)
    }
    expect(upstream.requests).toHaveLength(1)
  })

  it('that is always asked for is what the upstream says, or nothing if it has gone there', async () => {
    const upstream = await upstreamOf()
    addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream, { settings: { freshness: 'always' } })
    await mirror.ask(`${local}/manifests/v1`)
    const moved = moveTag(upstream)
    const now = await mirror.ask(`${local}/manifests/v1`)
    expect(now.headers.get('docker-content-digest')).toBe(moved)
    upstream.trouble({ when: /manifests\/v1/, answer: { status: 404 } })
    expect((await mirror.ask(`${local}/manifests/v1`)).status).toBe(404)
  })

  it.each([
    ['is refused', { when: /./, answer: { status: 503 } }],
    ['is not answered', { when: /./, silentBefore: true }],
  ] as const)('is answered from what is known when its upstream %s', async (_, trouble) => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream, {
      settings: { freshness: 'always' },
      patience: { knownMs: 50, unknownMs: 50 },
    })
    await mirror.ask(`${local}/manifests/v1`)
    upstream.trouble(trouble)
    for (let count = 0; count < 5; count++) {
      const answer = await mirror.ask(`${local}/manifests/v1`)
      expect([answer.status, answer.headers.get('docker-content-digest')]).toEqual([200, root.digest])
    }
    // One is asked for; the others do not wait for that.
    expect(upstream.requests.length).toBeLessThan(5)
    const unknown = await mirror.ask(`${local}/manifests/v2`)
    expect(unknown.status).toBe(503)
  })

  it('is not asked for again before the time that its upstream said', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream, { settings: { freshness: 'always' } })
    await mirror.ask(`${local}/manifests/v1`)
    upstream.trouble({ when: /./, times: 1, answer: { status: 429, headers: { 'retry-after': '120' } } })
    const before = upstream.requests.length
    for (let count = 0; count < 3; count++) {
      const { headers } = await mirror.ask(`${local}/manifests/v1`)
      expect(headers.get('docker-content-digest')).toBe(root.digest)
    }
    const unknown = await mirror.ask(`${local}/manifests/v2`)
    expect([unknown.status, unknown.headers.get('retry-after')]).toEqual([503, '120'])
    expect(upstream.requests.length).toBe(before + 1)
    mirror.wait(121_000)
    expect((await mirror.ask(`${local}/manifests/v2`)).status).toBe(404)
  })

  it('stays what it was while the budget of pulls is nearly used up; what is unknown is fetched', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream, { settings: { freshness: 'always' } })
    const headers = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '5;w=21600' }
    upstream.trouble({ when: /manifests/, headers })
    await mirror.ask(`${local}/manifests/v1`)
    const moved = moveTag(upstream)
    const kept = await mirror.ask(`${local}/manifests/v1`)
    expect(kept.headers.get('docker-content-digest')).toBe(root.digest)
    expect((await mirror.ask(`${local}/manifests/${moved}`)).status).toBe(200)
    const now = await mirror.ask(`${local}/manifests/v1`)
    expect(now.headers.get('docker-content-digest')).toBe(moved)
    // A question costs nothing, and most likely it is a name of what is here.
    expect(moveTag(upstream, 'v2')).toBe(moved)
    const named = await mirror.ask(`${local}/manifests/v2`)
    expect(named.headers.get('docker-content-digest')).toBe(moved)
    expect(lines(upstream).at(-1)).toBe(`HEAD /v2/${repository}/manifests/v2`)
  })

  it('is asked about with a question where a pull is one too many: it may be a name of what is here', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    await mirror.ask(`${local}/manifests/${root.digest}`)
    upstream.trouble({ when: /^GET .*manifests/, answer: { status: 429, headers: { 'retry-after': '60' } } })
    for (let count = 0; count < 2; count++) {
      const { status, headers } = await mirror.ask(`${local}/manifests/v1`)
      expect([status, headers.get('docker-content-digest')]).toEqual([200, root.digest])
    }
    expect(lines(upstream).slice(-2)).toEqual(
      ['GET', 'HEAD'].map((method) => `${method} /v2/${repository}/manifests/v1`),
    )
  })
})
