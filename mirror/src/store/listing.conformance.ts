import { describe, expect, it } from 'vitest'
import type { ObjectStore } from './object-store.ts'
import type { OpenedStore } from './opened-store.conformance.ts'
import { bytesOf, keysOf, text } from './stored-bytes.conformance.ts'

/** How every object store lists what it has. */
export function listingConformance(name: string, open: () => Promise<OpenedStore>): void {
  const withStore = (test: (store: ObjectStore) => Promise<void>) => async () => {
    await using opened = await open()
    await test(opened.store)
  }

  describe(`the lists of ${name}`, () => {
    it(
      'lists bytewise, by prefix',
      withStore(async (store) => {
        const keys = ['a', 'a-b', 'a.b', 'a0', 'b/a-c/d', 'b/a/c', 'b/a0', 'b/b/c/d', 'c/Z', 'c/_', 'c/a']
        for (const key of keys.toReversed()) await store.putIfAbsent(key, text(key))
        const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        expect(await keysOf(store, '')).toEqual(sorted)
        for (const prefix of ['a', 'b', 'b/', 'b/a', 'b/a/', 'b/a-', 'c/', 'x', 'b/x/', 'a/']) {
          expect(await keysOf(store, prefix)).toEqual(sorted.filter((key) => key.startsWith(prefix)))
        }
      }),
    )

    it.each(['', '!', 'a', 'aa', 'b', 'b/', 'b/a', 'b/a/', 'b/a/c', 'b/a/d/e', 'b/a/~', 'b/~', 'c', 'é'])(
      'lists what comes after %j',
      async (after) => {
        await withStore(async (store) => {
          const keys = ['a', 'b/a-c/d', 'b/a/c', 'b/a/d/e', 'b/b', 'c']
          for (const key of keys) await store.putIfAbsent(key, text(key))
          const behind = (await keysOf(store, '')).filter((key) => key > after)
          expect(await keysOf(store, '', after)).toEqual(behind)
          expect(await keysOf(store, 'b/', after)).toEqual(behind.filter((key) => key.startsWith('b/')))
        })()
      },
    )

    it(
      'lists with size and etag',
      withStore(async (store) => {
        const put = await store.putIfAbsent('a/b', text('12345'))
        expect(await Array.fromAsync(store.list('a/'))).toEqual([put])
      }),
    )

    it(
      'lists the same in the background, and right bytes where it brings any',
      withStore(async (store) => {
        const names = Array.from({ length: 150 }, (_, n) => n.toString().padStart(3, '0'))
        await Promise.all(names.map((name) => store.putIfAbsent(`a/${name}`, text(name.repeat(Number(name) % 7)))))
        await store.putIfAbsent('a-b', text('beside'))
        for (const after of ['', 'a/070', 'a/149']) {
          const listing = store.list('a/', { after, bringUpTo: 12, inBackground: true })
          const listed = await Array.fromAsync(listing, async ({ bytes, ...info }) => {
            if (bytes) expect(Buffer.from(bytes)).toEqual(await bytesOf((await store.get(info.key))!))
            return info
          })
          expect(listed).toEqual(await Array.fromAsync(store.list('a/', { after })))
        }
        await expect(Array.fromAsync(store.list('../', { inBackground: true }))).rejects.toMatchObject({
          code: 'invalid',
        })
        for await (const _ of store.list('a/', { inBackground: true })) break
      }),
    )

    it(
      'refuses to list outside of itself',
      withStore(async (store) => {
        for (const prefix of ['../', 'a/../../', '/etc/', 'uploads/']) {
          await expect(keysOf(store, prefix)).rejects.toMatchObject({ code: 'invalid' })
        }
      }),
    )
  })
}
