import { describe, expect, it } from 'vitest'
import type { ObjectStore } from './object-store.ts'
import type { OpenedStore } from './opened-store.conformance.ts'
import {
  after,
  chunks,
  failing,
  inPieces,
  keysOf,
  pattern,
  publish,
  read,
  text,
  textOf,
} from './stored-bytes.conformance.ts'

/** What every object store's uploads keep to. */
export function uploadConformance(name: string, open: () => Promise<OpenedStore>): void {
  const withStore = (test: (store: ObjectStore, opened: OpenedStore) => Promise<void>) => async () => {
    await using opened = await open()
    await test(opened.store, opened)
  }

  describe(`${name} as a keeper of uploads`, () => {
    it(
      'makes an upload an object, whole and at once',
      withStore(async (store) => {
        await using upload = await store.openUpload('u')
        expect(upload.size).toBe(0)
        expect(await upload.append(chunks('abc', 'def'))).toBe(6)
        expect(await upload.append(chunks('g'))).toBe(7)
        expect(await store.head('x/y')).toBeUndefined()
        expect(await upload.publish('x/y')).toBe('created')
        expect(await textOf(await store.get('x/y'))).toBe('abcdefg')
        expect(await Array.fromAsync(store.listUploads())).toEqual([])
      }),
    )

    it(
      'goes on where the last writer stopped',
      withStore(async (store, opened) => {
        {
          await using upload = await store.openUpload('u')
          await upload.append(chunks('abc'))
        }
        const again = await opened.reopen()
        await using upload = await again.openUpload('u')
        expect(upload.size).toBe(3)
        expect(await upload.append(chunks('def'))).toBe(6)
        expect(await read(upload)).toBe('abcdef')
        await upload.publish('x')
        expect(await textOf(await again.get('x'))).toBe('abcdef')
      }),
    )

    it(
      'reads any part of what is there, also while more is appended',
      withStore(async (store) => {
        await using upload = await store.openUpload('u')
        const part = async (offset: number, length?: number): Promise<string> =>
          Buffer.concat(await Array.fromAsync(upload.read({ offset, length }))).toString()
        await upload.append(chunks('abc', 'def'))
        expect([await part(2), await part(2, 3), await part(5, 9), await part(6)]).toEqual(['cdef', 'cde', 'f', ''])
        const { promise: isOver, resolve: end } = Promise.withResolvers<void>()
        const appended = upload.append(after(isOver, 'ghi'))
        expect(await part(1, 4)).toBe('bcde')
        end()
        expect(await appended).toBe(9)
        expect(await part(4, 4)).toBe('efgh')
        await upload.publish('x')
        expect(await part(0)).toBe('')
      }),
    )

    it(
      'opens only an upload that is there if none is to be begun',
      withStore(async (store) => {
        await expect(store.openUpload('u', { create: false })).rejects.toMatchObject({ code: 'not-found' })
        await using upload = await store.openUpload('u')
        await using same = await store.openUpload('u', { create: false })
        expect(same.size).toBe(0)
        await upload.discard()
        await expect(store.openUpload('u', { create: false })).rejects.toMatchObject({ code: 'not-found' })
        expect(await Array.fromAsync(store.listUploads())).toEqual([])
      }),
    )

    it(
      'keeps the bytes that came before a failure',
      withStore(async (store) => {
        await using upload = await store.openUpload('u')
        await expect(upload.append(failing(new Error('link down'), 'abc', 'def'))).rejects.toThrow('link down')
        expect(upload.size).toBe(6)
        expect(await upload.append(chunks('ghi'))).toBe(9)
        expect(await read(upload)).toBe('abcdefghi')
      }),
    )

    it(
      'appends what need not be durable yet, and then what must be',
      withStore(async (store) => {
        await using upload = await store.openUpload('u')
        expect(await upload.append(chunks('abc'), { isDurable: false })).toBe(3)
        expect(await upload.append(chunks(), { isDurable: true })).toBe(3)
        expect(await upload.append(chunks('d'), { isDurable: false })).toBe(4)
        expect(await upload.publish('x')).toBe('created')
        expect(await textOf(await store.get('x'))).toBe('abcd')
      }),
    )

    it(
      'reads an upload back',
      withStore(async (store) => {
        const bytes = pattern(3 * 1024 * 1024 + 17)
        await using upload = await store.openUpload('u')
        await upload.append(inPieces(bytes, 100_003))
        expect(Buffer.concat(await Array.fromAsync(upload.read())).equals(bytes)).toBe(true)
      }),
    )

    it(
      'leaves an object that is there as it is',
      withStore(async (store) => {
        const first = await store.putIfAbsent('x', text('first'))
        await using upload = await store.openUpload('u')
        await upload.append(chunks('second'))
        expect(await upload.publish('x')).toBe('exists')
        expect(await textOf(await store.get('x'))).toBe('first')
        expect(await store.head('x')).toEqual(first)
        expect(await Array.fromAsync(store.listUploads())).toEqual([])
      }),
    )

    it(
      'lets one of several racing uploads create an object',
      withStore(async (store) => {
        const race = async (id: string) => {
          await using upload = await store.openUpload(id)
          await upload.append(chunks(id))
          return await upload.publish('x')
        }
        const results = await Promise.all(['u1', 'u2', 'u3', 'u4'].map(race))
        expect(results.toSorted()).toEqual(['created', 'exists', 'exists', 'exists'])
        expect(await textOf(await store.get('x'))).toBe(`u${results.indexOf('created') + 1}`)
      }),
    )

    it(
      'publishes an upload of no bytes',
      withStore(async (store) => {
        await using upload = await store.openUpload('u')
        expect(await upload.append(chunks())).toBe(0)
        expect(await upload.publish('empty')).toBe('created')
        expect(await store.head('empty')).toMatchObject({ size: 0 })
      }),
    )

    it(
      'begins anew under an id that was published',
      withStore(async (store) => {
        await publish(store, 'x', text('one'))
        await using upload = await store.openUpload('upload-of-x')
        expect(upload.size).toBe(0)
        await upload.append(chunks('two'))
        expect(await textOf(await store.get('x'))).toBe('one')
      }),
    )

    it(
      'discards',
      withStore(async (store) => {
        await using upload = await store.openUpload('u')
        await upload.append(chunks('abc'))
        await upload.discard()
        expect(await Array.fromAsync(store.listUploads())).toEqual([])
        await expect(upload.append(chunks('d'))).rejects.toMatchObject({ code: 'not-found' })
        await expect(upload.publish('x')).rejects.toMatchObject({ code: 'not-found' })
        await upload.discard()
        await using next = await store.openUpload('u')
        expect(next.size).toBe(0)
      }),
    )

    it(
      'lists uploads from the moment they are opened',
      withStore(async (store) => {
        await using one = await store.openUpload('one')
        await using two = await store.openUpload('two')
        await two.append(chunks('abc'))
        expect(await Array.fromAsync(store.listUploads())).toMatchObject([
          { id: one.id, size: 0 },
          { id: two.id, size: 3 },
        ])
        expect(await keysOf(store, '')).toEqual([])
      }),
    )

    it(
      'refuses a second writer while one is at work',
      withStore(async (store) => {
        await using first = await store.openUpload('u')
        await using second = await store.openUpload('u')
        const { promise: gate, resolve: go } = Promise.withResolvers<void>()
        const work = first.append(
          (async function* () {
            yield text('abc')
            await gate
            yield text('def')
          })(),
        )
        await expect(second.append(chunks('x'))).rejects.toMatchObject({ code: 'conflict' })
        await expect(second.publish('x')).rejects.toMatchObject({ code: 'conflict' })
        await expect(second.discard()).rejects.toMatchObject({ code: 'conflict' })
        go()
        expect(await work).toBe(6)
        expect(await read(first)).toBe('abcdef')
      }),
    )

    it(
      'refuses a writer that does not know of the last one',
      withStore(async (store) => {
        await using first = await store.openUpload('u')
        await using second = await store.openUpload('u')
        await first.append(chunks('abc'))
        await expect(second.append(chunks('x'))).rejects.toMatchObject({ code: 'conflict' })
        await expect(second.publish('x')).rejects.toMatchObject({ code: 'conflict' })
        expect(await read(first)).toBe('abc')
      }),
    )

    it.each(['', 'a/b', '..', '.', 'a b'])('refuses %j as an id', async (id) => {
      await withStore(async (store) => {
        await expect(store.openUpload(id)).rejects.toMatchObject({ code: 'invalid' })
      })()
    })
  })
}
