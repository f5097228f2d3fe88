import { describe, expect, it } from 'vitest'
import { addFakeImage, fakeContent } from '../registry/fake-image.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import { localPath as local, openFakeMirror } from './fake-mirror.ts'

const { upstreamOf } = createFakePull()
const patience = { blobMs: 100, unknownMs: 100 }

describe('a blob of an upstream that is slow', () => {
  it('is answered in time although nobody knows yet whether there is such a blob', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    upstream.trouble({ when: /^HEAD .*blobs/, silentBefore: true })
    await using mirror = await openFakeMirror(upstream, { patience })
    const answer = await mirror.ask(`${local}/blobs/${layer.digest}`)
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining('has not answered yet')])
  })

  it('has a head before its first byte, and goes on where the upstream stood still', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    // Of three answers the first says nothing at all, and the second ends in the middle, without a word.
    upstream.trouble({ when: /^GET .*blobs/, times: 1, silentAfter: 0 })
    upstream.trouble({ when: /^GET .*blobs/, times: 1, silentAfter: 100_000 })
    const timeouts = { connectMs: 10_000, headersMs: 10_000, stallMs: 2_500 }
    await using mirror = await openFakeMirror(upstream, { patience, client: { timeouts } })
    await mirror.ask(`${local}/manifests/v1`)
    const answer = await mirror.ask(`${local}/blobs/${layer.digest}`)
    const gets = () => upstream.requests.filter(({ method, path }) => method === 'GET' && path.includes('blobs'))
    expect([answer.status, answer.headers.get('content-length'), gets().length]).toEqual([200, `${layer.size}`, 1])
    const reader = answer.body!.getReader()
    const first = await reader.read()
    expect([first.value!.length > 0, gets().length]).toEqual([true, 2])
    const chunks = [first.value!]
    for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value)
    expect(Buffer.concat(chunks).equals(fakeContent)).toBe(true)
    expect(gets().map(({ headers }) => headers.range)).toEqual([undefined, undefined, 'bytes=100000-'])
  })

  it('is described by its upstream once, for all who look at it and read it', async () => {
    const upstream = await upstreamOf()
    const { layer } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream)
    for (const method of ['HEAD', 'HEAD', 'GET']) {
      expect((await mirror.ask(`${local}/blobs/${layer.digest}`, { method })).status).toBe(200)
    }
    const heads = upstream.requests.filter(({ method }) => method === 'HEAD')
    expect(heads).toHaveLength(1)
  })
})
