import { describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { addFakeImage, fakeContent } from './fake-image.ts'
import { createFakePull } from './fake-pull.ts'

const { upstreamOf, clientOf } = createFakePull()

const bytesOf = async (body: AsyncIterable<Uint8Array>): Promise<Buffer> => Buffer.concat(await Array.fromAsync(body))

describe('resolve', () => {
  it('costs one HEAD', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    expect(await clientOf(upstream).resolve('team/app', 'v1')).toEqual(root)
    expect(upstream.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['HEAD /v2/team/app/manifests/v1'])
    expect(upstream.requests[0]?.headers.accept).toContain(mediaTypes.dockerList)
  })

  it.each([
    ['HEAD is not allowed', { answer: { status: 405 } }],
    ['HEAD is not implemented', { answer: { status: 501 } }],
    ['the digest is left out', { without: ['docker-content-digest'] }],
    ['the length is left out', { without: ['content-length'] }],
    ['the type is left out', { without: ['content-type'] }],
    ['the type is no manifest', { headers: { 'content-type': 'application/json' } }],
  ])('asks for the manifest itself if %s', async (_, trouble) => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    upstream.trouble({ when: /^HEAD/, ...trouble })
    expect(await clientOf(upstream).resolve('team/app', 'v1')).toEqual(root)
  })

  it('costs one pull where the registry never says a digest', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    upstream.trouble({ when: /./, without: ['docker-content-digest'] })
    expect(await clientOf(upstream).resolve('team/app', 'v1')).toEqual(root)
    expect(upstream.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET'])
  })

  it('does not believe a registry that names another digest than the one asked for', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    upstream.trouble({ when: /^HEAD/, headers: { 'docker-content-digest': digestOf('other') } })
    await expect(clientOf(upstream).resolve('team/app', root.digest)).rejects.toMatchObject({ code: 'corrupt' })
  })

  it('takes the base URL of a centre as it is', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    const client = clientOf(upstream, { registry: `http://${upstream.host}/` })
    expect(await client.resolve('team/app', 'v1')).toEqual(root)
  })
})

describe('manifest', () => {
  it('proves what a tag means where the registry does not say its digest', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    const trouble = { when: /^GET .*v1$/, times: 1, without: ['docker-content-digest'] }
    upstream.trouble(trouble)
    const { raw, digest } = await clientOf(upstream).manifest('team/app', 'v1')
    expect(digest).toBe(root.digest)
    expect(upstream.requests).toHaveLength(2)
    const text = Buffer.from(raw)
      .toString()
      .replace(/sha256:./, (found) => (found.endsWith('0') ? 'sha256:1' : 'sha256:0'))
    upstream.trouble({ ...trouble, bytes: Buffer.from(text) })
    await expect(clientOf(upstream).manifest('team/app', 'v1')).rejects.toMatchObject({ code: 'not-found' })
  })

  it('brings the bytes as they were pushed', async () => {
    const upstream = await upstreamOf()
    const { root, layer } = addFakeImage(upstream)
    const manifest = await clientOf(upstream).manifest('team/app', root.digest)
    expect(digestOf(manifest.raw)).toBe(root.digest)
    expect(manifest).toMatchObject({ kind: 'manifest', mediaType: mediaTypes.manifest, layers: [layer] })
  })

  it.each([
    ['other bytes than the digest says', { bytes: Buffer.from('{"schemaVersion":2,"manifests":[]}') }, 'corrupt'],
    ['more than 4 MiB', { bytes: Buffer.alloc(4 * 1024 * 1024 + 1, ' ') }, 'invalid'],
    ['a web page', { headers: { 'content-type': 'text/html; charset=utf-8' } }, 'unavailable'],
    ['half of it', { cutAfter: 20 }, 'unavailable'],
  ])('refuses %s', async (_, trouble, code) => {
    const upstream = await upstreamOf()
    addFakeImage(upstream)
    upstream.trouble({ when: /^GET/, ...trouble })
    const fault = await clientOf(upstream)
      .manifest('team/app', 'v1')
      .catch((error: unknown) => error)
    expect(fault).toMatchObject({ name: 'Fault', code, message: expect.stringContaining(upstream.host) })
  })

  it.each([
    [404, 'not-found'],
    [403, 'denied'],
    [429, 'unavailable'],
    [503, 'unavailable'],
    [400, 'invalid'],
  ])('turns status %i into a fault that says what the registry said', async (status, code) => {
    const upstream = await upstreamOf()
    const body = '{"errors":[{"code":"TOO\\nBAD","message":"tea is out"}]}'
    upstream.trouble({ when: /./, answer: { status, body, headers: { 'retry-after': '7' } } })
    await expect(clientOf(upstream).manifest('team/app', 'v1')).rejects.toMatchObject({
      code,
      retryAfterMs: 7000,
      message: expect.stringMatching(new RegExp(`${upstream.host}/team/app:v1.*TOO BAD: tea is out`)),
    })
  })

  it.each([
    ['Team/app', 'v1'],
    ['team/../app', 'v1'],
    ['team/app', 'v1/../../x'],
    ['team/app', 'v1?x'],
  ])('asks nobody for %s:%s', async (repository, reference) => {
    const upstream = await upstreamOf()
    await expect(clientOf(upstream).manifest(repository, reference)).rejects.toMatchObject({ code: 'invalid' })
    expect(upstream.requests).toEqual([])
  })
})

describe('blob', () => {
  it('goes on at the offset', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    const body = await clientOf(upstream).blob('team/app', layer, { offset: 200_000 })
    expect((await bytesOf(body)).equals(fakeContent.subarray(200_000))).toBe(true)
    expect(upstream.requests.at(-1)?.headers).toMatchObject({ range: 'bytes=200000-', 'accept-encoding': 'identity' })
    expect(upstream.blobBytesSent).toBe(100_000)
  })

  it('brings no more than it is asked for, and keeps the connection for the next part', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    const client = clientOf(upstream)
    const parts: Buffer[] = []
    for (let offset = 0; offset < layer.size; offset += 70_000) {
      parts.push(await bytesOf(await client.blob('team/app', layer, { offset, length: 70_000 })))
    }
    expect(Buffer.concat(parts).equals(fakeContent)).toBe(true)
    expect(parts.map(({ length }) => length)).toEqual([70_000, 70_000, 70_000, 70_000, 20_000])
    const ranges = upstream.requests.flatMap(({ headers: { range } }) => range ?? [])
    expect(ranges).toEqual([
      'bytes=0-69999',
      'bytes=70000-139999',
      'bytes=140000-209999',
      'bytes=210000-279999',
      'bytes=280000-',
    ])
    expect(upstream.blobBytesSent).toBe(layer.size)
  })

  it('stops at the end of the part if the registry knows no ranges', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    upstream.trouble({ when: /blobs/, ignoreRange: true, chunkSize: 7000 })
    const body = await clientOf(upstream).blob('team/app', layer, { offset: 100_001, length: 50_000 })
    expect((await bytesOf(body)).equals(fakeContent.subarray(100_001, 150_001))).toBe(true)
  })

  it('does not take a part that ends early', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    upstream.trouble({ when: /blobs/, cutAfter: 20_000 })
    const read = async () => bytesOf(await clientOf(upstream).blob('team/app', layer, { offset: 1000, length: 50_000 }))
    await expect(read()).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('skips to the offset if the registry knows no ranges', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    upstream.trouble({ when: /blobs/, ignoreRange: true, chunkSize: 7000 })
    const body = await clientOf(upstream).blob('team/app', layer, { offset: 200_001 })
    expect((await bytesOf(body)).equals(fakeContent.subarray(200_001))).toBe(true)
  })

  it('asks for nothing when everything is there', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    expect(await bytesOf(await clientOf(upstream).blob('team/app', layer, { offset: layer.size }))).toHaveLength(0)
    expect(upstream.requests).toEqual([])
  })

  it.each([
    ['another range', { headers: { 'content-range': 'bytes 5-299999/300000' } }, 'corrupt'],
    ['a range of another blob', { headers: { 'content-range': 'bytes 1000-1999/2000' } }, 'corrupt'],
    ['206 without a range', { headers: { 'content-range': '' } }, 'corrupt'],
    ['a shorter blob without ranges', { ignoreRange: true, bytes: fakeContent.subarray(1) }, 'corrupt'],
    [
      'a web page',
      { ignoreRange: true, bytes: Buffer.from('Hi!'), headers: { 'content-type': 'text/html' } },
      'unavailable',
    ],
    ['that the offset is behind the end', { bytes: fakeContent.subarray(0, 900) }, 'corrupt'],
    [
      'more than was promised',
      { without: ['content-length'], ignoreRange: true, bytes: Buffer.alloc(300_001) },
      'corrupt',
    ],
    [
      'a part that ends early',
      { without: ['content-length'], ignoreRange: true, bytes: Buffer.alloc(5000) },
      'unavailable',
    ],
  ])('does not take %s', async (_, trouble, code) => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    upstream.trouble({ when: /blobs/, ...trouble })
    const read = async () => bytesOf(await clientOf(upstream).blob('team/app', layer, { offset: 1000 }))
    await expect(read()).rejects.toMatchObject({ code })
  })

  it('hands out what came before a cut', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    upstream.trouble({ when: /blobs/, cutAfter: 120_000 })
    let count = 0
    const read = async () => {
      for await (const chunk of await clientOf(upstream).blob('team/app', layer)) count += chunk.length
    }
    await expect(read()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('was cut') })
    expect(count).toBe(120_000)
  })

  it('gives up a connection that is silent', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    upstream.trouble({ when: /blobs/, silentAfter: 1000 })
    const client = clientOf(upstream, { timeouts: { stallMs: 80 } })
    const read = async () => bytesOf(await client.blob('team/app', layer))
    await expect(read()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('silent') })
  })

  it('is patient with a reader that is slow', async () => {
    const upstream = await upstreamOf()
    const { layer, config } = addFakeImage(upstream)
    const client = clientOf(upstream, { timeouts: { stallMs: 400 } })
    upstream.trouble({ when: new RegExp(config.digest), silentAfter: 1 })
    const untilOthersAreGivenUp = () =>
      expect(client.blob('team/app', config).then(bytesOf)).rejects.toMatchObject({ code: 'unavailable' })
    const chunks: Uint8Array[] = []
    for await (const chunk of await client.blob('team/app', layer)) {
      if (chunks.length === 0) await untilOthersAreGivenUp()
      chunks.push(chunk)
    }
    expect(Buffer.concat(chunks).equals(fakeContent)).toBe(true)
  })

  it('ends with the reason of the signal', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    upstream.trouble({ when: /blobs/, silentAfter: 1000 })
    const stop = new AbortController()
    const reason = new Error('enough')
    const read = async () => {
      const body = await clientOf(upstream).blob('team/app', layer, { signal: stop.signal })
      for await (const _ of body) stop.abort(reason)
    }
    await expect(read()).rejects.toBe(reason)
  })

  it('says which blob is not there', async () => {
    const upstream = await upstreamOf()
    const missing = { mediaType: mediaTypes.layer, digest: digestOf('missing'), size: 7 }
    await expect(clientOf(upstream).blob('team/app', missing)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/team\/app@sha256:.*BLOB_UNKNOWN/),
    })
  })
})
