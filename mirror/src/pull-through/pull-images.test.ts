import { describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { addFakeImage, createFakeImages, fakeContent, forPlatform } from '../registry/fake-image.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import type { FakeUpstream } from '../registry/fake-upstream.ts'
import { fakeHost, fakeRepository as repository, localPath as local, openFakeMirror } from './fake-mirror.ts'

const { upstreamOf } = createFakePull()
const lines = ({ requests }: FakeUpstream): string[] => requests.map(({ method, path }) => `${method} ${path}`)
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())

describe('an image of an upstream', () => {
  it.each([
    ['by ns=', `/v2/${repository}`, `?ns=${fakeHost}`],
    ['by the beginning of its path', local, ''],
  ])('is pulled %s, each part of it once', async (_, base, query) => {
    const upstream = await upstreamOf()
    const { root, config, layer } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    for (let count = 0; count < 2; count++) {
      const head = await mirror.ask(`${base}/manifests/v1${query}`, { method: 'HEAD' })
      expect(head.headers.get('docker-content-digest')).toBe(root.digest)
      expect(head.headers.get('oci-namespace')).toBe(query === '' ? null : fakeHost)
      const manifest = await mirror.ask(`${base}/manifests/${root.digest}${query}`)
      expect(digestOf(await bytesOf(manifest))).toBe(root.digest)
      for (const { digest } of [config, layer]) {
        expect(digestOf(await bytesOf(await mirror.ask(`${base}/blobs/${digest}${query}`)))).toBe(digest)
      }
    }
    expect(lines(upstream)).toEqual([
      `GET /v2/${repository}/manifests/v1`,
      `GET /v2/${repository}/blobs/${config.digest}`,
      `GET /v2/${repository}/blobs/${layer.digest}`,
    ])
  })

  it('is fetched sparse: the index as it is, and what is asked for of it', async () => {
    const upstream = await upstreamOf()
    const images = createFakeImages(upstream, repository)
    const [amd, arm] = ['amd64', 'arm64'].map((name, seed) => images.addImage(name, [images.addLayer(seed + 3)]))
    const index = images.addIndex([forPlatform('linux/amd64', amd!), forPlatform('linux/arm64', arm!)])
    await using mirror = await openFakeMirror(upstream)
    const got = await mirror.ask(`${local}/manifests/v1`)
    expect(digestOf(await bytesOf(got))).toBe(index.digest)
    expect((await mirror.ask(`${local}/manifests/${amd!.digest}`)).status).toBe(200)
    expect(lines(upstream).join()).not.toContain(arm!.digest)
  })

  it('costs its upstream one answer when many ask at once', async () => {
    const upstream = await upstreamOf()
    const { root, layer } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    const many = Array.from({ length: 20 })
    const manifests = await Promise.all(many.map(() => mirror.ask(`${local}/manifests/v1`)))
    expect(new Set(manifests.map(({ headers }) => headers.get('docker-content-digest')))).toEqual(
      new Set([root.digest]),
    )
    const blobs = await Promise.all(many.map(async () => bytesOf(await mirror.ask(`${local}/blobs/${layer.digest}`))))
    for (const bytes of blobs) expect(bytes.equals(fakeContent)).toBe(true)
    expect(upstream.requests).toHaveLength(2)
    expect(upstream.blobBytesSent).toBe(fakeContent.length)
  })

  it('is asked for in parts while it comes', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    const part = (range: string) => mirror.ask(`${local}/blobs/${layer.digest}`, { headers: { range } })
    const [first, last, none] = await Promise.all([part('bytes=1000-1999'), part('bytes=-5'), part('bytes=300000-')])
    expect(first.status).toBe(206)
    expect((await bytesOf(first)).equals(fakeContent.subarray(1000, 2000))).toBe(true)
    expect(last.headers.get('content-range')).toBe('bytes 299995-299999/300000')
    expect((await bytesOf(last)).equals(fakeContent.subarray(-5))).toBe(true)
    expect(none.status).toBe(416)
    expect(upstream.blobBytesSent).toBe(fakeContent.length)
  })

  it('of whose blob no manifest is known is asked for with HEAD', async () => {
    const upstream = await upstreamOf({ redirectBlobs: true })
    const { layer } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    const head = await mirror.ask(`${local}/blobs/${layer.digest}`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(layer.size)])
    const unknown = await mirror.ask(`${local}/blobs/${digestOf('unknown')}`)
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { errors: [{ code: 'BLOB_UNKNOWN' }] }])
  })

  it('is not shown to those of another repository only because its bytes are here', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    await bytesOf(await mirror.ask(`${local}/blobs/${layer.digest}`))
    upstream.trouble({ when: /other/, answer: { status: 404 } })
    expect((await mirror.ask(`/v2/${fakeHost}/other/blobs/${layer.digest}`)).status).toBe(404)
    expect((await mirror.ask(`/v2/mine/blobs/${layer.digest}`)).status).toBe(404)
  })

  it('does not come for who has it already', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    await mirror.ask(`${local}/manifests/v1`)
    const headers = { 'if-none-match': `"${layer.digest}"` }
    expect((await mirror.ask(`${local}/blobs/${layer.digest}`, { headers })).status).toBe(304)
    expect(upstream.blobBytesSent).toBe(0)
  })

  it('is not given to who has an upstream name its digest', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    const push = { method: 'POST', body: new Uint8Array(fakeContent) }
    expect((await mirror.ask(`/v2/secret/blobs/uploads/?digest=${layer.digest}`, push)).status).toBe(201)
    upstream.trouble({ when: /^GET .*blobs/, answer: { status: 404 } })
    // By its manifest, and by what it says when it is asked.
    expect((await mirror.ask(`${local}/manifests/v1`)).status).toBe(200)
    const asked = [`${local}/blobs/${layer.digest}`, `/v2/${fakeHost}/other/blobs/${layer.digest}`]
    for (const url of asked) expect([url, (await mirror.ask(url)).status]).toEqual([url, 404])
    for (const url of asked) expect([url, (await mirror.ask(url)).status]).toEqual([url, 404])
  })

  it.each([
    [404, 404, 'MANIFEST_UNKNOWN'],
    [401, 403, 'DENIED'],
    [403, 403, 'DENIED'],
    [500, 503, 'UNAVAILABLE'],
    [400, 503, 'UNAVAILABLE'],
  ])('that its upstream answers with %i is answered with %i', async (said, status, code) => {
    const upstream = await upstreamOf()
    upstream.trouble({ when: /manifests/, answer: { status: said } })
    await using mirror = await openFakeMirror(upstream)
    const answer = await mirror.ask(`${local}/manifests/v1`)
    expect([answer.status, await answer.json()]).toMatchObject([status, { errors: [{ code }] }])
    expect(answer.headers.get('www-authenticate')).toBeNull()
  })

  it('with wrong bytes breaks the connection, and is not kept', async () => {
    const upstream = await upstreamOf()
    const { root, layer } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    await mirror.ask(`${local}/manifests/${root.digest}`)
    upstream.trouble({ when: /blobs/, times: 1, bytes: Buffer.alloc(layer.size, 'x') })
    const wrong = mirror.ask(`${local}/blobs/${layer.digest}`).then(bytesOf)
    await expect(wrong).rejects.toThrow('terminated')
    expect((await bytesOf(await mirror.ask(`${local}/blobs/${layer.digest}`))).equals(fakeContent)).toBe(true)
  })

  it('comes on behind a cut, with a new token if the old one has expired', async () => {
    const access = { kind: 'token', anonymous: true } as const
    const upstream = await upstreamOf({ access, redirectBlobs: true })
    const { layer } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    await mirror.ask(`${local}/manifests/v1`)
    upstream.expireTokens()
    upstream.trouble({ when: /^GET storage/, times: 1, cutAfter: 100_000 })
    // A presigned URL that has run out.
    upstream.trouble({ when: /^GET storage/, times: 1, answer: { status: 403 } })
    const bytes = await bytesOf(await mirror.ask(`${local}/blobs/${layer.digest}`))
    expect(bytes.equals(fakeContent)).toBe(true)
    expect(upstream.blobBytesSent).toBe(fakeContent.length)
    const storage = upstream.requests.filter(({ server }) => server === 'storage')
    expect(storage.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=100000-', 'bytes=100000-'])
    expect(storage.every(({ headers }) => headers.authorization === undefined)).toBe(true)
  })
})
