import { describe, expect, it } from 'vitest'
import { Fault } from '../oci/fault.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import type { ObjectStore, Upload } from '../store/object-store.ts'
import { content, setting, take } from './fake-fetches.ts'
import { createFedSource } from './fed-source.ts'

const all = { offset: 0, length: content.length }

describe('a blob that is fetched', () => {
  it.each([
    ['is behind', 1_000_000, [0]],
    ['is ahead', 2_500_000, [0]],
    ['is far behind', 10_000, [0, 10_000]],
  ])(
    'comes no more than it has to when another process that %s writes to the same store',
    async (_, theirs, offsets) => {
      const objects = createMemoryStore()
      let isFirst = true
      const overtaken: ObjectStore = {
        ...objects,
        async openUpload(...args) {
          const upload = await objects.openUpload(...args)
          if (!isFirst) return upload
          isFirst = false
          const append: Upload['append'] = async (bytes) => {
            let came = 0
            for await (const chunk of bytes) if ((came += chunk.length) >= 2_400_000) break
            await upload.append(
              (async function* () {
                yield content.subarray(0, theirs)
              })(),
            )
            throw new Fault('conflict', 'another writer')
          }
          return Object.create(upload, { append: { value: append }, size: { get: () => 0 } }) as Upload
        },
      }
      using mirror = setting(createContentStore(overtaken))
      const source = createFedSource(content)
      source.feed(content.length)
      expect((await take(mirror.fetch(source).read(all))).equals(content)).toBe(true)
      await mirror.fetches.settled()
      expect(await mirror.store.repository('hub/app').hasBlob(source.descriptor)).toBe(true)
      expect(source.offsets.filter((__, index) => source.lengths[index]! > 4096)).toEqual(offsets)
    },
  )

  it('comes once for all who read it at the same time, also if there is no room for it', async () => {
    const full: ObjectStore = {
      ...createMemoryStore(),
      openUpload: () => Promise.reject(new Fault('no-space', 'the disk is full')),
    }
    using mirror = setting(createContentStore(full))
    const source = createFedSource(content)
    const early = Array.from({ length: 10 }, () => take(mirror.fetch(source).read(all)))
    source.feed(1_500_000)
    await take(mirror.fetch(source).read(all), 1_200_000)
    const late = [all, { offset: 1_000_000, length: 1_000_000 }].map((part) => take(mirror.fetch(source).read(part)))
    source.feed(content.length)
    for (const bytes of await Promise.all([...early, late[0]!])) expect(bytes.equals(content)).toBe(true)
    expect((await late[1]!).equals(content.subarray(1_000_000, 2_000_000))).toBe(true)
    expect(source.offsets).toEqual([0])
  })
})
