import PQueue from 'p-queue'
import { expect, it } from 'vitest'
import { copyImage } from '../copy.ts'
import { addFakeImage, fakeContent } from '../registry/fake-image.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'

const { upstreamOf, clientOf } = createFakePull()

it('takes from other repositories what a doubted source has too, and nothing that it only names', async () => {
  const upstream = await upstreamOf()
  const { layer } = addFakeImage(upstream)
  const store = createContentStore(createMemoryStore())
  const copyTo = (repository: string) =>
    copyImage({
      source: clientOf(upstream),
      sourceRepository: 'team/app',
      reference: 'v1',
      sink: store.repository(repository),
      isSourceDoubted: true,
      queue: new PQueue(),
    })
  await copyTo('secret/app')
  upstream.trouble({ when: new RegExp(`^GET .*blobs/${layer.digest}`), answer: { status: 404 }, times: 1 })
  await expect(copyTo('other/app')).rejects.toMatchObject({ code: 'not-found' })
  expect(await store.repository('other/app').hasBlob(layer)).toBe(false)
  const before = upstream.blobBytesSent
  await copyTo('other/app')
  expect(await store.repository('other/app').hasBlob(layer)).toBe(true)
  expect(upstream.blobBytesSent - before).toBeLessThan(fakeContent.length / 4)
})
