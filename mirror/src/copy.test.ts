import PQueue from 'p-queue'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ContentSink, ContentSource } from './content.ts'
import { copyImage, type CopyImageOptions } from './copy.ts'
import type { CopyProgress } from './copy/track-blobs.ts'
import type { Descriptor } from './oci/descriptor.ts'
import { Fault } from './oci/fault.ts'
import { parsePlatform } from './oci/platform.ts'
import { createFakeImages, fakeLayer, fakeLayerSize, forPlatform, type FakeImages } from './registry/fake-image.ts'
import { openFakeUpstream, type FakeUpstream } from './registry/fake-upstream.ts'
import { createRegistryClient, type RegistryClient } from './registry/registry-client.ts'
import type { Repository } from './store/content-store.ts'
import { createContentStore } from './store/create-content-store.ts'
import { createMemoryStore } from './store/memory-store.ts'

let upstream: FakeUpstream
let images: FakeImages
let client: RegistryClient
let sink: Repository
let pauses: number[]

beforeEach(async () => {
  upstream = await openFakeUpstream()
  images = createFakeImages(upstream, 'app')
  client = createRegistryClient({ registry: upstream.host })
  sink = createContentStore(createMemoryStore()).repository('library/app')
  pauses = []
})
afterEach(async () => {
  await client[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const base = () => images.addLayer(1)

const copy = (options: Partial<CopyImageOptions> = {}) =>
  copyImage({
    source: client,
    sourceRepository: 'app',
    reference: 'v1',
    sink,
    tags: ['v1'],
    queue: new PQueue({ concurrency: 3 }),
    retry: { random: () => 0, pause: async (ms) => void pauses.push(ms) },
    ...options,
  })

const asked = (pattern: RegExp) => upstream.requests.filter(({ method, path }) => pattern.test(`${method} ${path}`))

describe('copyImage', () => {
  it('brings a plain image and names it', async () => {
    const layers = [base(), images.addLayer(2)]
    const root = images.addImage('a', layers, 'v1')
    const result = await copy()
    expect(result).toMatchObject({ root, platforms: [], missing: [], bytesFetched: result.bytesTotal })
    expect(await sink.tag('v1')).toEqual(root)
    for (const layer of layers) expect(await sink.hasBlob(layer)).toBe(true)
  })

  it('fetches a layer that two images share once', async () => {
    images.addIndex([
      forPlatform('linux/amd64', images.addImage('a', [base(), images.addLayer(2)])),
      forPlatform('linux/arm64', images.addImage('b', [base(), images.addLayer(3)])),
    ])
    const { bytesFetched, bytesTotal, blobs } = await copy()
    expect(blobs).toHaveLength(5)
    expect(bytesFetched).toBe(bytesTotal)
    expect(upstream.blobBytesSent).toBe(bytesTotal)
  })

  it('does not fetch blobs that are there', async () => {
    images.addImage('a', [base()], 'v1')
    await copy()
    images.addImage('b', [base(), images.addLayer(2)], 'v2')
    const result = await copy({ reference: 'v2', tags: ['v2'] })
    expect(result.bytesTotal - result.bytesFetched).toBe(fakeLayerSize)
    expect(asked(new RegExp(base().digest))).toHaveLength(1)
  })

  it('keeps the bytes of a sparse index, with the wanted platform and its attestation', async () => {
    const amd = images.addImage('amd', [base()])
    const arm = images.addImage('arm', [images.addLayer(2)])
    const proof = (of: Descriptor, seed: number) => ({
      ...images.addImage(`proof of ${of.digest}`, [images.addLayer(seed)]),
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: { 'vnd.docker.reference.digest': of.digest },
    })
    const proofs = [proof(amd, 4), proof(arm, 5)]
    const root = images.addIndex([forPlatform('linux/amd64', amd), forPlatform('linux/arm64', arm), ...proofs])
    const wanted = [parsePlatform('linux/arm64'), parsePlatform('linux/s390x')]
    const result = await copy({ platforms: wanted })
    expect(result).toMatchObject({ root, platforms: [wanted[0]], missing: [wanted[1]] })
    expect((await sink.manifest('v1'))?.digest).toBe(root.digest)
    const there = await Promise.all([amd, arm, ...proofs].map(({ digest }) => sink.hasManifest(digest)))
    expect(there).toEqual([false, true, false, true])
    expect(await sink.hasBlob(base())).toBe(false)
  })

  it('says what is offered if nothing of it is wanted, and fetches nothing', async () => {
    images.addIndex([
      forPlatform('linux/amd64', images.addImage('a', [base()])),
      forPlatform('linux/arm/v7', images.addImage('b', [base()])),
    ])
    await expect(copy({ platforms: [parsePlatform('linux/s390x')] })).rejects.toMatchObject({
      code: 'not-found',
      message: 'app:v1: it offers linux/amd64, linux/arm/v7; none of linux/s390x is to be had',
    })
    expect(asked(/blobs/)).toEqual([])
  })

  it('leaves out what a sparse source has not, if it is told that the source is one', async () => {
    const amd = images.addImage('a', [base()])
    const absent = { ...amd, digest: `sha256:${'0'.repeat(64)}` } as Descriptor
    images.addIndex([forPlatform('linux/amd64', amd), forPlatform('linux/arm64', absent)])
    await expect(copy()).rejects.toMatchObject({ code: 'not-found' })
    expect(await copy({ isSourceSparse: true })).toMatchObject({
      platforms: [parsePlatform('linux/amd64')],
      missing: [parsePlatform('linux/arm64')],
    })
  })

  it('reads nested indexes, and puts what is part of something before it', async () => {
    const image = images.addImage('a', [base()])
    const inner = images.addIndex([forPlatform('linux/amd64', image)], 'inner')
    const root = images.addIndex([inner, { ...image, platform: { os: 'linux', architecture: 'amd64' } }])
    const put: string[] = []
    const watched: ContentSink = {
      ...sink,
      async putManifest(manifest, options) {
        put.push(manifest.digest)
        await sink.putManifest(manifest, options)
      },
    }
    await copy({ sink: watched, platforms: [parsePlatform('linux/amd64')] })
    expect(put).toEqual([image.digest, inner.digest, root.digest])
  })

  it('does not fetch manifests that are at hand', async () => {
    const root = images.addIndex([forPlatform('linux/amd64', images.addImage('a', [base()]))])
    await copy()
    const before = upstream.requests.length
    const again = await copy({ reference: root.digest, known: (digest) => sink.manifest(digest), tags: ['stable'] })
    expect(again).toMatchObject({ root, bytesFetched: 0 })
    expect(upstream.requests).toHaveLength(before)
    expect(await sink.tag('stable')).toEqual(root)
  })
})

describe('copyImage over a bad link', () => {
  it('fetches only the rest after each cut, however many there are', async () => {
    const root = images.addImage('a', [base()], 'v1')
    upstream.trouble({ when: new RegExp(base().digest), cutAfter: 20_000, times: 9 })
    const { bytesFetched, bytesTotal } = await copy()
    expect(upstream.blobBytesSent).toBe(bytesTotal)
    expect(bytesFetched).toBe(bytesTotal)
    expect(await sink.tag('v1')).toEqual(root)
    const ranges = asked(new RegExp(base().digest)).map(({ headers }) => headers.range)
    expect(ranges).toEqual([undefined, ...Array.from({ length: 9 }, (_, index) => `bytes=${(index + 1) * 20_000}-`)])
  })

  it('goes on in a later call where an earlier one gave up', async () => {
    images.addImage('a', [base()], 'v1')
    upstream.trouble({ when: new RegExp(base().digest), cutAfter: 150_000, times: 1 })
    upstream.trouble({ when: new RegExp(base().digest), answer: { status: 503 }, times: 5 })
    await expect(copy()).rejects.toMatchObject({ code: 'unavailable' })
    expect(await sink.tag('v1')).toBeUndefined()
    const { bytesFetched, bytesTotal } = await copy()
    expect(bytesFetched).toBeLessThanOrEqual(bytesTotal - 150_000)
    expect(upstream.blobBytesSent).toBe(bytesTotal)
  })

  it('wakes up from silence', async () => {
    images.addImage('a', [base()], 'v1')
    upstream.trouble({ when: /blobs/, silentAfter: 10, times: 2 })
    await using impatient = createRegistryClient({ registry: upstream.host, timeouts: { stallMs: 400 } })
    const { bytesTotal } = await copy({ source: impatient })
    expect(upstream.blobBytesSent).toBe(bytesTotal)
  })

  it('waits as long as the registry asks for', async () => {
    images.addImage('a', [base()], 'v1')
    upstream.trouble({ when: /manifests/, answer: { status: 429, headers: { 'retry-after': '3' } }, times: 2 })
    await copy()
    expect(pauses).toEqual([3000, 3000])
  })

  it('leaves long waits to its caller', async () => {
    upstream.trouble({ when: /./, answer: { status: 429, headers: { 'retry-after': '3600' } } })
    await expect(copy()).rejects.toMatchObject({ code: 'unavailable', retryAfterMs: 3_600_000 })
    expect(upstream.requests).toHaveLength(1)
  })

  it('fetches a blob that came damaged once again from the beginning', async () => {
    images.addImage('a', [base()], 'v1')
    upstream.trouble({ when: new RegExp(base().digest), bytes: fakeLayer(7), times: 1 })
    const done: number[] = []
    const onProgress = ({ blob }: CopyProgress): void => {
      if (blob?.digest === base().digest) done.push(blob.done)
    }
    const { bytesFetched, bytesTotal } = await copy({ onProgress })
    expect(bytesFetched).toBe(bytesTotal + fakeLayerSize)
    expect(done.filter((bytes) => bytes === 0)).toHaveLength(2)
    expect(await sink.hasBlob(base())).toBe(true)
  })

  it('gives up a blob that comes damaged twice, and nothing is seen of the image', async () => {
    const root = images.addImage('a', [base()], 'v1')
    upstream.trouble({ when: new RegExp(base().digest), bytes: fakeLayer(7) })
    await expect(copy()).rejects.toMatchObject({ code: 'corrupt' })
    expect(await sink.hasBlob(base())).toBe(false)
    expect(await sink.hasManifest(root.digest)).toBe(false)
  })

  it.each([
    ['not-found', 404],
    ['denied', 403],
  ])('does not try again what is %s', async (code, status) => {
    images.addImage('a', [base()], 'v1')
    upstream.trouble({ when: new RegExp(base().digest), answer: { status } })
    await expect(copy()).rejects.toMatchObject({ code })
    expect(pauses).toEqual([])
    expect(await sink.tag('v1')).toBeUndefined()
  })

  it('stops at once for a signal, shows nothing, and keeps what came', async () => {
    const root = images.addImage('a', [base(), images.addLayer(2)], 'v1')
    upstream.trouble({ when: /blobs/, silentAfter: 30_000 })
    const stop = new AbortController()
    const reason = new Error('shutting down')
    const onProgress = ({ blobBytesDone }: CopyProgress): void => {
      if (blobBytesDone > 50_000) stop.abort(reason)
    }
    await expect(copy({ signal: stop.signal, onProgress })).rejects.toBe(reason)
    expect(await sink.tag('v1')).toBeUndefined()
    expect(await sink.hasManifest(root.digest)).toBe(false)
    expect(await sink.hasBlob(base())).toBe(false)
    await using kept = await sink.ingest(base())
    expect(kept?.offset).toBeGreaterThan(0)
  })

  it('hands on a full disk without trying again', async () => {
    images.addImage('a', [base()], 'v1')
    const full: ContentSink = {
      ...sink,
      ingest: async () => {
        throw new Fault('no-space', 'the disk is full')
      },
    }
    await expect(copy({ sink: full })).rejects.toMatchObject({ code: 'no-space' })
    expect(pauses).toEqual([])
  })
})

describe('progress of copyImage', () => {
  it('begins with what is there and ends with everything', async () => {
    images.addImage('a', [base()], 'v1')
    await copy()
    images.addImage('b', [base(), images.addLayer(2)], 'v2')
    const seen: CopyProgress[] = []
    const { bytesTotal } = await copy({ reference: 'v2', onProgress: (progress) => seen.push(progress) })
    expect(seen[0]).toEqual({ blobBytesDone: fakeLayerSize, blobBytesTotal: bytesTotal })
    expect(seen.at(-1)).toMatchObject({ blobBytesDone: bytesTotal, blobBytesTotal: bytesTotal })
  })

  it('counts a blob that another copy brings meanwhile, and does not say that it fetched it', async () => {
    images.addImage('a', [base()], 'v1')
    images.addImage('a', [base()], 'v2')
    const results = await Promise.all([copy(), copy({ reference: 'v2', tags: ['v2'] })])
    expect(upstream.blobBytesSent).toBe(results[0].bytesTotal)
    expect(results[0].bytesFetched + results[1].bytesFetched).toBe(results[0].bytesTotal)
  })
})

describe('a source of any kind', () => {
  it('is read without a word about registries', async () => {
    images.addImage('a', [base()], 'v1')
    await copy()
    const source: ContentSource = {
      resolve: async () => {
        throw new Error('is not asked')
      },
      manifest: async (_, reference) => (await sink.manifest(reference)) ?? Promise.reject(new Error('is there')),
      blob: async (_, { digest }, { offset = 0 } = {}) => {
        const stored = await sink.openBlob(digest, { offset })
        return stored?.bytes ?? Promise.reject(new Error('is there'))
      },
    }
    const other = createContentStore(createMemoryStore()).repository('other')
    await copy({ source, sink: other })
    expect(await other.tag('v1')).toEqual(await sink.tag('v1'))
  })
})
