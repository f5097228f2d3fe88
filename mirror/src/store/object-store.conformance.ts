import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { ObjectStore } from './object-store.ts'
import { bytesOf, chunks, copyOf, keysOf, pattern, publish, text, textOf } from './stored-bytes.conformance.ts'
import type { OpenedStore } from './opened-store.conformance.ts'
import { listingConformance } from './listing.conformance.ts'
import { uploadConformance } from './upload.conformance.ts'

/** What every object store keeps to. */
export function objectStoreConformance(name: string, open: () => Promise<OpenedStore>): void {
  uploadConformance(name, open)
  listingConformance(name, open)
  const withStore = (test: (store: ObjectStore, opened: OpenedStore) => Promise<void>) => async () => {
    await using opened = await open()
    await test(opened.store, opened)
  }

  describe(`${name} as an object store`, () => {
    it(
      'knows nothing of a key that nobody wrote',
      withStore(async (store) => {
        expect(await store.head('a/b')).toBeUndefined()
        expect(await store.get('a/b')).toBeUndefined()
        expect(await store.putIfMatch('a/b', 'etag', text('x'))).toBeUndefined()
        expect(await store.delete('a/b')).toBe(false)
      }),
    )

    it(
      'gives back what was put',
      withStore(async (store) => {
        const put = await store.putIfAbsent('a/b', text('hello'))
        expect(put).toMatchObject({ key: 'a/b', size: 5 })
        expect(await store.head('a/b')).toEqual(put)
        const got = await store.get('a/b')
        expect(got?.info).toEqual(put)
        expect(await textOf(got)).toBe('hello')
      }),
    )

    it(
      'keeps an object of no bytes',
      withStore(async (store) => {
        expect(await store.putIfAbsent('empty', text(''))).toMatchObject({ size: 0 })
        expect(await textOf(await store.get('empty'))).toBe('')
        expect(await store.head('empty')).toMatchObject({ size: 0 })
      }),
    )

    it(
      'creates an object once',
      withStore(async (store) => {
        await store.putIfAbsent('a', text('first'))
        expect(await store.putIfAbsent('a', text('second'))).toBeUndefined()
        expect(await textOf(await store.get('a'))).toBe('first')
      }),
    )

    it(
      'replaces an object only in the version that was seen',
      withStore(async (store) => {
        const first = await store.putIfAbsent('a', text('1'))
        const second = await store.putIfMatch('a', first!.etag, text('2'))
        expect(second!.etag).not.toBe(first!.etag)
        expect(await store.putIfMatch('a', first!.etag, text('3'))).toBeUndefined()
        expect(await textOf(await store.get('a'))).toBe('2')
      }),
    )

    it(
      'never gives two versions of a key the same etag, however fast they come',
      withStore(async (store) => {
        let info = await store.putIfAbsent('a', text('0'))
        const etags = new Set([info!.etag])
        for (let turn = 1; turn < 60; turn++) {
          if (turn % 10 === 0) {
            await store.delete('a')
            info = await store.putIfAbsent('a', text(String(turn % 10)))
          } else {
            info = await store.putIfMatch('a', info!.etag, text(String(turn % 10)))
          }
          etags.add(info!.etag)
        }
        expect(etags.size).toBe(60)
      }),
    )

    it(
      'gives another etag to the same bytes that come again after they were deleted',
      withStore(async (store) => {
        const etags = new Set<string>()
        for (let turn = 0; turn < 3; turn++) {
          await using upload = await store.openUpload('u')
          await upload.append(chunks('the same'))
          await upload.publish('a')
          const { etag } = (await store.head('a'))!
          expect(etags.size).toBe(etags.add(etag).size - 1)
          expect(await store.delete('a', etag)).toBe(true)
        }
      }),
    )

    it(
      'lets one of several racing creations win',
      withStore(async (store) => {
        const results = await Promise.all(Array.from({ length: 20 }, (_, n) => store.putIfAbsent('a', text(String(n)))))
        const winner = results.findIndex((result) => result)
        expect(results.filter((result) => result)).toHaveLength(1)
        expect(await textOf(await store.get('a'))).toBe(String(winner))
        expect(await store.head('a')).toEqual(results[winner])
      }),
    )

    it(
      'lets one of several racing replacements win',
      withStore(async (store) => {
        const { etag } = (await store.putIfAbsent('a', text('x')))!
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, n) => store.putIfMatch('a', etag, text(String(n)))),
        )
        expect(results.filter((result) => result)).toHaveLength(1)
        expect(await textOf(await store.get('a'))).toBe(String(results.findIndex((result) => result)))
      }),
    )

    it(
      'deletes, also only a version that was seen',
      withStore(async (store) => {
        const first = await store.putIfAbsent('a/b', text('1'))
        const second = await store.putIfMatch('a/b', first!.etag, text('2'))
        expect(await store.delete('a/b', first!.etag)).toBe(false)
        expect(await store.delete('a/b', second!.etag)).toBe(true)
        expect(await store.head('a/b')).toBeUndefined()
        await store.putIfAbsent('a/b', text('3'))
        expect(await store.delete('a/b')).toBe(true)
        expect(await store.delete('a/b')).toBe(false)
      }),
    )

    it(
      'takes the bytes as they are at the call',
      withStore(async (store) => {
        const bytes = text('before')
        const put = store.putIfAbsent('a', bytes)
        await put
        bytes.fill(0)
        expect(await textOf(await store.get('a'))).toBe('before')
      }),
    )

    it(
      'holds what it was given when it is opened again',
      withStore(async (store, opened) => {
        const put = await store.putIfAbsent('a/b/c', text('kept'))
        const again = await opened.reopen()
        expect(await again.head('a/b/c')).toEqual(put)
        expect(await textOf(await again.get('a/b/c'))).toBe('kept')
      }),
    )

    it.each([
      [{ offset: 2 }, 'cdef'],
      [{ offset: 2, length: 3 }, 'cde'],
      [{ length: 2 }, 'ab'],
      [{ length: 0 }, ''],
      [{ offset: 6 }, ''],
      [{ offset: 9, length: 3 }, ''],
      [{ offset: 4, length: 100 }, 'ef'],
    ])('reads the range %j', async (range, expected) => {
      await withStore(async (store) => {
        await store.putIfAbsent('a', text('abcdef'))
        expect(await textOf(await store.get('a', range))).toBe(expected)
      })()
    })

    it(
      'reads a large object in pieces, with and without its own buffers',
      withStore(async (store) => {
        const bytes = pattern(5 * 1024 * 1024 + 4321)
        await publish(store, 'large', bytes)
        const kept = await Array.fromAsync((await store.get('large'))!.bytes)
        expect(Buffer.concat(kept).equals(bytes)).toBe(true)
        const reused = await store.get('large', { reuseBuffers: true })
        expect((await copyOf(reused!.bytes)).equals(bytes)).toBe(true)
        const range = await store.get('large', { offset: 1_234_567, length: 2_345_678 })
        expect((await bytesOf(range!)).equals(bytes.subarray(1_234_567, 1_234_567 + 2_345_678))).toBe(true)
      }),
    )

    it(
      'reads the ends of two large objects at once, whatever becomes of their buffers',
      withStore(async (store) => {
        const size = 3 * 1024 * 1024
        const objects = ['one', 'two'].map((key) => ({ key, bytes: randomBytes(size) }))
        for (const { key, bytes } of objects) await publish(store, key, bytes)
        for (const length of [1000, 160 * 1024, 300 * 1024, 2 * 1024 * 1024]) {
          const range = { offset: size - length, reuseBuffers: true }
          const opened = [await store.get('one', range), await store.get('two', range)]
          const copies = await Promise.all(opened.map((object) => copyOf(object!.bytes)))
          for (const [index, { bytes }] of objects.entries()) {
            expect(copies[index]!.equals(bytes.subarray(range.offset)), `${length} bytes of ${index}`).toBe(true)
          }
        }
      }),
    )

    it(
      'lets go of an object that is read half or not at all',
      withStore(async (store) => {
        await publish(store, 'large', pattern(3 * 1024 * 1024))
        for (let turn = 0; turn < 10; turn++) {
          for await (const chunk of (await store.get('large'))!.bytes) {
            expect(chunk.length).toBeGreaterThan(0)
            break
          }
          await (await store.get('large'))!.bytes[Symbol.asyncIterator]().return?.()
        }
        expect(await store.delete('large')).toBe(true)
      }),
    )

    it.each(['', '/', 'a/', '/a', 'a//b', '.', '..', 'a/../b', './a', 'a b', 'a\0', 'ä', 'a\\b', 'a%2fb', 'a\n'])(
      'refuses %j as a key',
      async (key) => {
        await withStore(async (store) => {
          await expect(store.head(key)).rejects.toMatchObject({ code: 'invalid' })
          await expect(store.get(key)).rejects.toMatchObject({ code: 'invalid' })
          await expect(store.putIfAbsent(key, text(''))).rejects.toMatchObject({ code: 'invalid' })
          await expect(store.putIfMatch(key, 'x', text(''))).rejects.toMatchObject({ code: 'invalid' })
          await expect(store.delete(key)).rejects.toMatchObject({ code: 'invalid' })
          await using upload = await store.openUpload('u')
          await expect(upload.publish(key)).rejects.toMatchObject({ code: 'invalid' })
        })()
      },
    )

    it.each(['.tmp/1', 'uploads/1', 'uploads', 'oci-layout', `a/${'x'.repeat(256)}`])(
      'refuses %j, which some form of it could not keep',
      async (key) => {
        await withStore(async (store) => {
          await expect(store.putIfAbsent(key, text(''))).rejects.toMatchObject({ code: 'invalid' })
        })()
      },
    )

    it.each(['a+b', 'a=b', 'a@b:c', 'a_b-c.d', '...', 'A/a', '=2e=2e'])('takes %j as a key', async (key) => {
      await withStore(async (store) => {
        await store.putIfAbsent(key, text(key))
        expect(await keysOf(store, '')).toEqual([key])
        expect(await textOf(await store.get(key))).toBe(key)
      })()
    })
  })
}
