import PQueue from 'p-queue'
import { describe, expect, it } from 'vitest'
import { createFakeImages, forPlatform } from '../registry/fake-image.ts'
import { openFakeUpstream } from '../registry/fake-upstream.ts'
import { createRegistryClient } from '../registry/registry-client.ts'
import { copyImage } from '../copy.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { imagePlaceConformance } from './image-place.conformance.ts'
import { inspectImage } from './inspect-image.ts'
import { listImages } from './list-images.ts'
import { createStoreImages } from './store-images.ts'

imagePlaceConformance('a store', async () => {
  const store = createContentStore(createMemoryStore())
  return {
    place: createStoreImages(store, { name: 'a store' }),
    repository: (name) => store.repository(name),
    [Symbol.asyncDispose]: async () => undefined,
  }
})

describe('a store', () => {
  it('tells what has no tag and is no part of anything', async () => {
    await using upstream = await openFakeUpstream()
    await using source = createRegistryClient({ registry: upstream.host })
    const images = createFakeImages(upstream, 'app')
    const store = createContentStore(createMemoryStore())
    const place = createStoreImages(store, { name: 'a store' })
    const queue = new PQueue({ concurrency: 4 })
    const copy = (reference: string, tags: string[]) =>
      copyImage({ source, sourceRepository: 'app', reference, sink: store.repository('app'), tags, queue })
    const child = images.addImage('a', [images.addLayer(1)])
    const index = images.addIndex([forPlatform('linux/amd64', child)], 'index')
    const tagged = images.addImage('b', [images.addLayer(2)], 'v1')
    await copy('index', [])
    await copy('v1', ['v1'])
    const found = await Array.fromAsync(listImages(place, { untagged: true, queue }))
    expect(found.map(({ tag, digest }) => ({ tag, digest }))).toEqual([
      { tag: 'v1', digest: tagged.digest },
      { tag: null, digest: index.digest },
    ])
  })

  it('says what keeps an image besides its tags', async () => {
    await using upstream = await openFakeUpstream()
    await using source = createRegistryClient({ registry: upstream.host })
    const { digest } = createFakeImages(upstream, 'app').addImage('a', [], 'v1')
    const store = createContentStore(createMemoryStore())
    const queue = new PQueue({ concurrency: 4 })
    await copyImage({ source, sourceRepository: 'app', reference: 'v1', sink: store.repository('app'), queue })
    const keepers = {
      'a hold': async function* () {
        yield { repository: 'app', digest }
      },
      nobody: async function* () {
        yield { repository: 'other', digest }
      },
    }
    const place = createStoreImages(store, { name: 'a store', keepers })
    const report = await inspectImage(place, { reference: { repository: 'app', digest }, queue })
    expect(report).toMatchObject({ tags: [], keptBy: ['a hold'] })
  })

  it('says that there is no such repository', async () => {
    const place = createStoreImages(createContentStore(createMemoryStore()), { name: 'a store' })
    const queue = new PQueue({ concurrency: 4 })
    await expect(Array.fromAsync(listImages(place, { repository: 'app', queue }))).rejects.toMatchObject({
      code: 'not-found',
    })
  })
})
