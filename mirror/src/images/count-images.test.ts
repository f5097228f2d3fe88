import PQueue from 'p-queue'
import { expect, it } from 'vitest'
import { copyImage } from '../copy.ts'
import { parsePlatform } from '../oci/platform.ts'
import { createFakeImages, forPlatform } from '../registry/fake-image.ts'
import { openFakeUpstream } from '../registry/fake-upstream.ts'
import { createRegistryClient } from '../registry/registry-client.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { countImages } from './count-images.ts'
import { createStoreImages } from './store-images.ts'

it('counts tags by how much of what they mean is here', async () => {
  await using upstream = await openFakeUpstream()
  await using source = createRegistryClient({ registry: upstream.host })
  const images = createFakeImages(upstream, 'app')
  const [amd, arm] = ['amd', 'arm'].map((name, at) => images.addImage(name, [images.addLayer(at + 1)]))
  images.addIndex([forPlatform('linux/amd64', amd!), forPlatform('linux/arm64', arm!)])
  const store = createContentStore(createMemoryStore())
  const queue = new PQueue({ concurrency: 4 })
  const copy = (repository: string, platforms?: string[]) =>
    copyImage({
      source,
      sourceRepository: 'app',
      reference: 'v1',
      sink: store.repository(repository),
      tags: ['v1', 'v2'],
      platforms: platforms?.map(parsePlatform),
      queue,
    })
  await copy('whole')
  await copy('sparse', ['linux/arm64'])
  await copy('broken')
  await store.repository('broken').deleteBlob(images.addLayer(1).digest)
  const count = await countImages(createStoreImages(store, { name: 'a store' }), { restRatio: 1 })
  expect(count).toEqual({ whole: 2, sparse: 2, broken: 2 })
})
