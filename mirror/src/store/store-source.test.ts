import { expect, it } from 'vitest'
import { blobKey } from './content/content-keys.ts'
import { blobOf, pushImage } from './content/stored-content.conformance.ts'
import { createContentStore } from './create-content-store.ts'
import { createMemoryStore } from './memory-store.ts'
import { createStoreSource } from './store-source.ts'

it('tells what is lost from what was never there', async () => {
  const objects = createMemoryStore()
  const store = createContentStore(objects)
  const { digest, layers } = await pushImage(store.repository('app'), 'a', ['v1'])
  const source = createStoreSource(store)
  const layer = layers[0]!
  await objects.delete(blobKey(layer.digest))
  await objects.delete(blobKey(digest))
  const isLost = { code: 'not-found', message: expect.stringMatching(/^app: the bytes of .* are gone or were damaged/) }
  const isAbsent = { code: 'not-found', message: expect.stringMatching(/^app: there is no /) }
  await expect(source.blob('app', layer)).rejects.toMatchObject(isLost)
  await expect(source.manifest('app', 'v1')).rejects.toMatchObject(isLost)
  await expect(source.manifest('app', digest)).rejects.toMatchObject(isLost)
  await expect(source.blob('app', blobOf('x'))).rejects.toMatchObject(isAbsent)
  await expect(source.manifest('app', 'v2')).rejects.toMatchObject(isAbsent)
  await expect(source.resolve('app', layer.digest)).rejects.toMatchObject(isAbsent)
})
