import type { FastifyReply } from 'fastify'
import PQueue from 'p-queue'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copyImage, type CopyImageOptions } from '../copy.ts'
import { parsePlatform } from '../oci/platform.ts'
import { guardedRegistry } from '../testing/guarded-registry.ts'
import { loseAnswer, openTestRegistry, type TestRegistry } from '../testing/open-test-registry.ts'
import { listen } from '../server/mirror-server.ts'
import { createFakeImages, fakeLayerSize, forPlatform, type FakeImages } from './fake-image.ts'
import { openFakeUpstream, type FakeUpstream } from './fake-upstream.ts'
import { createRegistryClient, type RegistryClient } from './registry-client.ts'
import { createRegistrySink } from './registry-sink.ts'

/** Of an image that is called `a`. */
const configSize = JSON.stringify({ name: 'a' }).length

let upstream: FakeUpstream
let images: FakeImages
let source: RegistryClient
let registry: TestRegistry
let target: RegistryClient
let pauses: number[]

beforeEach(async () => {
  upstream = await openFakeUpstream({ referrersPerPage: 10 })
  images = createFakeImages(upstream, 'app')
  source = createRegistryClient({ registry: upstream.host })
  registry = await openTestRegistry()
  target = createRegistryClient({ registry: registry.host })
  pauses = []
})
afterEach(async () => {
  for (const opened of [source, target, registry, upstream]) await opened[Symbol.asyncDispose]()
})

const push = (options: Partial<CopyImageOptions> & { readonly to?: string; readonly mountFrom?: string } = {}) => {
  const { to: repository = 'team/app', mountFrom, ...copy } = options
  return copyImage({
    source,
    sourceRepository: 'app',
    reference: 'v1',
    sink: createRegistrySink(target, { repository, mountFrom }),
    tags: ['v1'],
    referrers: true,
    queue: new PQueue({ concurrency: 3 }),
    retry: { random: () => 0, pause: async (ms) => void pauses.push(ms) },
    ...copy,
  })
}
const asked = (pattern: RegExp) => registry.requests.filter((line) => pattern.test(line))
const stored = (repository = 'team/app') => registry.store.repository(repository)

describe('a registry that is pushed to', () => {
  it('has an image of several platforms byte for byte, and its tag last', async () => {
    const arm = images.addImage('arm', [images.addLayer(1), images.addLayer(2)])
    const root = images.addIndex([
      forPlatform('linux/amd64', images.addImage('amd', [images.addLayer(1)])),
      forPlatform('linux/arm64', arm),
    ])
    const { bytesFetched, bytesTotal } = await push()
    expect(bytesFetched).toBe(bytesTotal)
    expect(await stored().tag('v1')).toEqual(root)
    expect(await stored().hasBlob(images.addLayer(2))).toBe(true)
    const puts = asked(/^PUT .*\/manifests\//)
    expect(puts.at(-1)).toBe('PUT /v2/team/app/manifests/v1')
    expect(puts).toHaveLength(3)
  })

  it('is sent nothing that it has', async () => {
    images.addImage('a', [images.addLayer(1)], 'v1')
    await push()
    const before = registry.requests.length
    expect((await push({ tags: ['v2'] })).bytesFetched).toBe(0)
    expect(registry.requests.slice(before).filter((line) => /^(POST|PATCH)/.test(line))).toEqual([])
    expect(await stored().tag('v2')).toBeDefined()
  })

  it('mounts what another of its repositories has', async () => {
    images.addImage('a', [images.addLayer(1)], 'v1')
    await push()
    await push({ to: 'other/app', mountFrom: 'team/app' })
    expect(asked(/^PATCH .*other/)).toEqual([])
    expect(await stored('other/app').tag('v1')).toBeDefined()
  })

  it('takes the blobs where there is nothing to mount', async () => {
    images.addImage('a', [images.addLayer(1)], 'v1')
    await push({ mountFrom: 'nobody/here' })
    expect(await stored().tag('v1')).toBeDefined()
  })

  it('goes on at the byte where an upload was cut', async () => {
    const layer = images.addLayer(1)
    images.addImage('a', [layer], 'v1')
    upstream.trouble({ when: new RegExp(layer.digest), cutAfter: 70_000, times: 2 })
    await push()
    const ranges = upstream.requests.flatMap(({ path, headers }) =>
      path.includes(layer.digest) ? [headers.range] : [],
    )
    expect(ranges).toEqual([undefined, 'bytes=70000-', 'bytes=140000-'])
    expect(upstream.blobBytesSent).toBe(fakeLayerSize + configSize)
    expect(await stored().hasBlob(layer)).toBe(true)
  })

  it.each([
    ['cannot be reached', loseAnswer],
    ['answers that it is away', (reply: FastifyReply) => reply.code(503).send()],
  ])('goes on at that byte, too, when it %s for a while after the cut', async (_, away) => {
    const layer = images.addLayer(1)
    images.addImage('a', [layer], 'v1')
    upstream.trouble({ when: new RegExp(layer.digest), cutAfter: 70_000, times: 1 })
    registry.intercept(/^(GET|HEAD) .*\/uploads\//, away, 2)
    await push()
    expect(upstream.blobBytesSent).toBe(fakeLayerSize + configSize)
    expect(asked(/^POST .*uploads/)).toHaveLength(2)
    expect(await stored().hasBlob(layer)).toBe(true)
  })

  it('begins an upload anew that the registry knows no more of', async () => {
    const layer = images.addLayer(1)
    images.addImage('a', [layer], 'v1')
    upstream.trouble({ when: new RegExp(layer.digest), cutAfter: 70_000, times: 1 })
    registry.intercept(/^GET .*\/uploads\//, (reply) => reply.code(404).send())
    await push()
    expect(await stored().hasBlob(layer)).toBe(true)
  })

  it('does not upload again what it took although its answer was lost', async () => {
    const layer = images.addLayer(1)
    images.addImage('a', [layer], 'v1')
    registry.intercept(/^PUT .*uploads/, loseAnswer, 1)
    await push()
    expect(asked(/^PATCH/)).toHaveLength(2)
  })

  it('is waited for as long as it asks, and tried again when it fails for a moment', async () => {
    images.addImage('a', [images.addLayer(1)], 'v1')
    registry.intercept(/^POST/, (reply) => reply.code(429).header('retry-after', '2').send(), 1)
    registry.intercept(/^PUT .*manifests\/v1/, (reply) => reply.code(503).send(), 1)
    await push()
    expect(pauses).toContain(2000)
    expect(await stored().tag('v1')).toBeDefined()
  })

  it('is given up when it refuses every upload at its end, however often the bytes were sent', async () => {
    images.addImage('a', [images.addLayer(1)], 'v1')
    registry.intercept(/^PUT .*uploads/, (reply) => reply.code(500).send())
    await expect(push()).rejects.toMatchObject({ code: 'unavailable' })
    expect(asked(/^PATCH/).length).toBeLessThan(20)
    expect(await stored().tag('v1')).toBeUndefined()
  })

  it('takes only the wanted platforms under the whole index, or says why not', async () => {
    images.addIndex([
      forPlatform('linux/amd64', images.addImage('amd', [images.addLayer(1)])),
      forPlatform('linux/arm64', images.addImage('arm', [images.addLayer(2)])),
    ])
    const platforms = [parsePlatform('linux/arm64')]
    await push({ platforms })
    expect(await stored().hasBlob(images.addLayer(1))).toBe(false)
    registry.intercept(/^PUT .*manifests\/v1/, (reply) => reply.code(404).send())
    await expect(push({ platforms })).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('takes indexes only whole') as string,
    })
  })
})

describe('a token that runs out while bytes are sent', () => {
  it('is renewed, and the upload goes on', async () => {
    const layer = images.addLayer(1)
    images.addImage('a', [layer], 'v1')
    const challenge = { 'www-authenticate': 'Basic realm="test"' }
    registry.intercept(/^PATCH/, (reply) => reply.code(401).headers(challenge).send(), 1)
    const credential = { username: 'ann', password: 'secret', origin: 'test' }
    await using client = createRegistryClient({ registry: registry.host, credentials: async () => [credential] })
    await push({ sink: createRegistrySink(client, { repository: 'team/app' }) })
    expect(await stored().hasBlob(layer)).toBe(true)
  })
})

describe('what speaks of an image', () => {
  const sign = (name: string, subject: object) =>
    upstream.addManifest('app', {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: `application/x.${name}`,
      config: upstream.addBlob('{}', 'application/vnd.oci.empty.v1+json'),
      layers: [upstream.addBlob(`${name} of it`)],
      subject,
    })

  it('is pushed before it, and found by the API', async () => {
    const root = images.addImage('a', [images.addLayer(1)], 'v1')
    const signature = sign('signature', root)
    const counter = sign('counter', signature)
    await push()
    expect((await stored().referrers(root.digest)).map(({ digest }) => digest)).toEqual([signature.digest])
    expect((await stored().referrers(signature.digest)).map(({ digest }) => digest)).toEqual([counter.digest])
    const puts = asked(/^PUT .*manifests/)
    expect(puts.at(-1)).toBe('PUT /v2/team/app/manifests/v1')
  })

  it('is listed under a tag where the registry keeps no lists, once', async () => {
    await using old = await openTestRegistry({ withoutReferrers: true })
    await using client = createRegistryClient({ registry: old.host })
    const root = images.addImage('a', [images.addLayer(1)], 'v1')
    const both = [sign('signature', root), sign('sbom', root)]
    const sink = createRegistrySink(client, { repository: 'team/app' })
    await push({ sink })
    await push({ sink })
    const listed = await client.referrers('team/app', root.digest)
    expect(listed.map(({ descriptor }) => descriptor.digest).toSorted()).toEqual(
      both.map(({ digest }) => digest).toSorted(),
    )
    expect(listed.map(({ descriptor }) => descriptor.artifactType ?? '').toSorted()).toEqual([
      'application/x.sbom',
      'application/x.signature',
    ])
  })
})

describe('a registry with access control', () => {
  it('is pushed to with a token for that, asked for when it is needed', async () => {
    const root = images.addImage('a', [images.addLayer(1)], 'v1')
    const app = guardedRegistry()
    await using server = await listen(app, { host: '127.0.0.1', port: 0, graceMs: 0 })
    const { host } = new URL(server.url)
    const credential = { username: 'ann', password: "ann's", origin: 'test' }
    await using client = createRegistryClient({ registry: host, credentials: async () => [credential] })
    await push({ sink: createRegistrySink(client, { repository: 'a/app' }) })
    expect((await client.resolve('a/app', 'v1')).digest).toBe(root.digest)
    await expect(push({ sink: createRegistrySink(client, { repository: 'b/app' }) })).rejects.toMatchObject({
      code: 'denied',
    })
  })
})
