import { describe, expect, it } from 'vitest'
import type { ObjectStore } from './object-store.ts'
import type { OpenedStore } from './opened-store.conformance.ts'
import { createMemoryStore } from './memory-store.ts'
import { objectStoreConformance } from './object-store.conformance.ts'
import { rememberSmallObjects } from './remember-small-objects.ts'
import { text, textOf } from './stored-bytes.conformance.ts'

objectStoreConformance('a store that remembers small objects', open)

async function open(): Promise<OpenedStore> {
  const objects = createMemoryStore()
  return {
    store: rememberSmallObjects(objects),
    reopen: async () => rememberSmallObjects(objects),
    [Symbol.asyncDispose]: async () => {},
  }
}

/** A store that counts reads and can hold any call until it is let through. */
function watchedStore() {
  const objects = createMemoryStore()
  const gates: { get?: Promise<void>; putIfMatch?: Promise<void> } = {}
  let reads = 0
  const watched: ObjectStore = {
    ...objects,
    async get(key, options) {
      reads++
      const object = await objects.get(key, options)
      await gates.get
      return object
    },
    async putIfMatch(key, etag, bytes) {
      await gates.putIfMatch
      return await objects.putIfMatch(key, etag, bytes)
    },
  }
  return { watched, gates, reads: () => reads }
}

describe('a store that remembers small objects', () => {
  it('reads one once, also in parts', async () => {
    const { watched, reads } = watchedStore()
    const store = rememberSmallObjects(watched)
    await store.putIfAbsent('a', text('abcdef'))
    for (const [options, expected] of [
      [undefined, 'abcdef'],
      [{ offset: 1, length: 2 }, 'bc'],
      [{ length: 100 }, 'abcdef'],
      [{ offset: 6 }, ''],
    ] as const) {
      expect(await textOf(await store.get('a', options))).toBe(expected)
    }
    expect(reads()).toBe(1)
  })

  it('reads one that was replaced or deleted again', async () => {
    const { watched } = watchedStore()
    const store = rememberSmallObjects(watched)
    const first = await store.putIfAbsent('a', text('1'))
    expect(await textOf(await store.get('a'))).toBe('1')
    await store.putIfMatch('a', first!.etag, text('2'))
    expect(await textOf(await store.get('a'))).toBe('2')
    await store.delete('a')
    expect(await store.get('a')).toBeUndefined()
    expect(await store.head('a')).toBeUndefined()
  })

  it('shows what is in memory at once, in the same buffer until it is written to', async () => {
    const store = rememberSmallObjects(createMemoryStore())
    const first = await store.putIfAbsent('a', text('1'))
    expect(store.peek?.('a')).toBeUndefined()
    await store.get('a')
    const seen = store.peek?.('a')
    expect(seen?.toString()).toBe('1')
    await store.get('a')
    expect(store.peek?.('a')).toBe(seen)
    const writing = store.putIfMatch('a', first!.etag, text('1'))
    expect(store.peek?.('a')).toBeUndefined()
    await writing
    await store.get('a')
    expect(store.peek?.('a')).not.toBe(seen)
  })

  it('does not remember large ones, nor parts', async () => {
    const { watched, reads } = watchedStore()
    const store = rememberSmallObjects(watched, { maxSize: 5 })
    await store.putIfAbsent('large', text('123456'))
    await store.putIfAbsent('small', text('12345'))
    for (let turn = 0; turn < 2; turn++) await store.get('large')
    for (let turn = 0; turn < 2; turn++) await store.get('small', { length: 2 })
    expect(reads()).toBe(4)
  })

  it('does not remember what a read saw before a write that came between', async () => {
    const { watched, gates } = watchedStore()
    const store = rememberSmallObjects(watched)
    const first = await store.putIfAbsent('a', text('1'))
    const { promise, resolve: go } = Promise.withResolvers<void>()
    gates.get = promise
    const read = store.get('a')
    await store.putIfMatch('a', first!.etag, text('2'))
    go()
    expect(await textOf(await read)).toBe('1')
    expect(await textOf(await store.get('a'))).toBe('2')
  })

  it('forgets what a read saw while a write was under way', async () => {
    const { watched, gates } = watchedStore()
    const store = rememberSmallObjects(watched)
    const first = await store.putIfAbsent('a', text('1'))
    const { promise, resolve: go } = Promise.withResolvers<void>()
    gates.putIfMatch = promise
    const write = store.putIfMatch('a', first!.etag, text('2'))
    expect(await textOf(await store.get('a'))).toBe('1')
    go()
    await write
    expect(await textOf(await store.get('a'))).toBe('2')
  })
})
