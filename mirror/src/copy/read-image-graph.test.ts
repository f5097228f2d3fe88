import PQueue from 'p-queue'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copyImage } from '../copy.ts'
import { maxManifestSize } from '../oci/manifest.ts'
import { createFakeImages, type FakeImages } from '../registry/fake-image.ts'
import { openFakeUpstream, type FakeUpstream } from '../registry/fake-upstream.ts'
import { createRegistryClient, type RegistryClient } from '../registry/registry-client.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'

let upstream: FakeUpstream
let images: FakeImages
let client: RegistryClient

beforeEach(async () => {
  upstream = await openFakeUpstream()
  images = createFakeImages(upstream, 'app')
  client = createRegistryClient({ registry: upstream.host })
})
afterEach(async () => {
  await client[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

const copy = () =>
  copyImage({
    source: client,
    sourceRepository: 'app',
    reference: 'v1',
    sink: createContentStore(createMemoryStore()).repository('app'),
    queue: new PQueue({ concurrency: 1 }),
  })

describe('an image that no honest author makes', () => {
  it('is refused before more manifests are read than fit in memory', async () => {
    const child = images.addImage('a', [])
    images.addIndex(
      Array.from({ length: 20 }, (_, index) => {
        return { ...child, digest: `sha256:${String(index).padStart(64, '0')}`, size: maxManifestSize }
      }),
    )
    await expect(copy()).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('app:v1') })
    expect(upstream.requests.filter(({ path }) => path.includes('sha256:'))).toEqual([])
  })

  it('is refused when a manifest is larger than its index says', async () => {
    images.addIndex([{ ...images.addImage('a', []), size: 2 }])
    await expect(copy()).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('2 bytes') })
  })

  it('is refused when it nests indexes without end', async () => {
    let root = images.addIndex([images.addImage('a', [])], 'x')
    for (let depth = 0; depth < 12; depth++) root = images.addIndex([root], 'x')
    images.addIndex([root])
    await expect(copy()).rejects.toMatchObject({ code: 'invalid' })
  })
})
