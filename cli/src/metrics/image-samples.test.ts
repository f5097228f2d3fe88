import { createStoreImages } from '@stowage/mirror/images/store-images'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { createImageSamples } from './image-samples.ts'

const log = pino({ level: 'silent' })

it('tells nothing before it has looked, and what it saw after that', async () => {
  const images = createStoreImages(createContentStore(createMemoryStore()), { name: 'a store' })
  const counted = createImageSamples(images, { log, firstMs: 0 })
  expect(counted.samples()).toEqual([])
  const stop = new AbortController()
  const running = counted.run(stop.signal)
  await expect
    .poll(() => counted.samples().map(({ labels, value }) => [labels['completeness'], value]))
    .toEqual([
      ['whole', 0],
      ['sparse', 0],
      ['broken', 0],
    ])
  stop.abort()
  await running
})
