import { mkdir, mkdtempDisposable, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import PQueue from 'p-queue'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copyImage, type CopyImageOptions } from '../copy.ts'
import { createFakeImages, fakeLayerSize, forPlatform, type FakeImages } from '../registry/fake-image.ts'
import { openFakeUpstream, type FakeUpstream } from '../registry/fake-upstream.ts'
import { createRegistryClient, type RegistryClient } from '../registry/registry-client.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { openLayout } from './open-layout.ts'
import { openLayoutSink } from './open-layout-sink.ts'

let upstream: FakeUpstream
let images: FakeImages
let source: RegistryClient
let temporary: Awaited<ReturnType<typeof mkdtempDisposable>>
let directory: string

beforeEach(async () => {
  upstream = await openFakeUpstream({ referrersPerPage: 10 })
  images = createFakeImages(upstream, 'app')
  source = createRegistryClient({ registry: upstream.host })
  temporary = await mkdtempDisposable(join(tmpdir(), 'stowage-layout-'))
  directory = join(temporary.path, 'layout')
})
afterEach(async () => {
  for (const opened of [source, upstream, temporary]) await opened[Symbol.asyncDispose]()
})

async function copyIn(options: Partial<CopyImageOptions> = {}) {
  await using sink = await openLayoutSink(directory)
  const queue = new PQueue({ concurrency: 3 })
  const defaults = { source, sourceRepository: 'app', reference: 'v1', tags: ['v1'], referrers: true }
  return await copyImage({ ...defaults, sink, queue, retry: { pause: async () => undefined }, ...options })
}

describe('a layout in a directory', () => {
  it('takes an image with what speaks of it, and gives it back', async () => {
    const amd = images.addImage('amd', [images.addLayer(1)])
    const root = images.addIndex([
      forPlatform('linux/amd64', amd),
      forPlatform('linux/arm64', images.addImage('arm', [])),
    ])
    const empty = upstream.addBlob('{}', 'application/vnd.oci.empty.v1+json')
    const document = {
      schemaVersion: 2,
      mediaType: amd.mediaType,
      artifactType: 'application/x',
      config: empty,
      layers: [],
    }
    const sbom = upstream.addManifest('app', { ...document, subject: amd })
    const tag = `sha256-${root.digest.slice('sha256:'.length)}.sig`
    const signature = upstream.addManifest('app', { ...document, annotations: { of: 'cosign' } }, { tag })
    expect(await copyIn()).toMatchObject({ root, referrers: [{ digest: sbom.digest }, { digest: signature.digest }] })
    expect((await readdir(directory)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout'])

    const layout = await openLayout(directory)
    const back = createContentStore(createMemoryStore()).repository('back')
    const queue = new PQueue({ concurrency: 3 })
    const out = {
      source: layout,
      sourceRepository: '',
      reference: 'v1',
      sink: back,
      tags: ['v1'],
      referrers: true,
      queue,
    }
    expect((await copyImage(out)).referrers).toHaveLength(2)
    expect(await back.tag('v1')).toEqual(root)
    expect((await back.referrers(amd.digest)).map(({ digest }) => digest)).toEqual([sbom.digest])
    expect((await back.tag(tag))?.digest).toBe(signature.digest)
  })

  it('goes on with a blob where an earlier copy broke off, and shows nothing before', async () => {
    const layer = images.addLayer(1)
    images.addImage('a', [layer], 'v1')
    upstream.trouble({ when: new RegExp(layer.digest), cutAfter: 150_000, times: 1 })
    upstream.trouble({ when: new RegExp(layer.digest), answer: { status: 404 }, times: 1 })
    await expect(copyIn()).rejects.toMatchObject({ code: 'not-found' })
    await expect(openLayout(directory)).rejects.toMatchObject({ code: 'not-found' })
    const { bytesFetched } = await copyIn()
    expect(bytesFetched).toBeLessThanOrEqual(fakeLayerSize - 150_000 + 20)
    expect((await (await openLayout(directory)).resolve('', 'v1')).digest).toBeDefined()
  })

  it('says what is in it when it is asked for something else', async () => {
    images.addImage('a', [], 'v1')
    await copyIn()
    await expect((await openLayout(directory)).manifest('', 'v2')).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('nothing in it is called v2; it has v1') as string,
    })
  })

  it('is not made among files of others, nor in a data directory', async () => {
    await mkdir(directory)
    await writeFile(join(directory, 'letter.txt'), '')
    await expect(openLayoutSink(directory)).rejects.toMatchObject({ code: 'invalid' })
    await writeFile(join(directory, 'stowage.json'), '{}')
    await expect(openLayoutSink(directory)).rejects.toMatchObject({
      message: expect.stringContaining('data directory of Stowage') as string,
    })
  })
})
