import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { readObject } from '@stowage/mirror/store/read-object'
import { describe, expect, it } from 'vitest'
import { takeFence } from './fence.ts'

const leads = { mayWrite: () => true }

describe('the fence of a store', () => {
  it('is of who took it last', async () => {
    const store = createMemoryStore()
    const first = await takeFence(store, { identity: 'a', ...leads })
    const second = await takeFence(store, { identity: 'a', ...leads })
    expect(second.key).toBe(first.key)
    expect(second.etag).not.toBe(first.etag)
    expect((await store.head(second.key))?.etag).toBe(second.etag)
  })

  it('is not taken by who leads no longer', async () => {
    const store = createMemoryStore()
    const { key, etag } = await takeFence(store, { identity: 'a', ...leads })
    await expect(takeFence(store, { identity: 'b', mayWrite: () => false })).rejects.toThrow('no longer')
    expect((await store.head(key))?.etag).toBe(etag)
  })

  it('is not taken back by who was stopped just before it wrote', async () => {
    const store = createMemoryStore()
    const { key } = await takeFence(store, { identity: 'a', ...leads })
    const verbs = { ...store }
    let isLeader = true
    store.putIfMatch = async (...args) => {
      // Meanwhile another one leads.
      Object.assign(store, verbs)
      await takeFence(store, { identity: 'b', ...leads })
      isLeader = false
      return verbs.putIfMatch(...args)
    }
    await expect(takeFence(store, { identity: 'a', mayWrite: () => isLeader })).rejects.toThrow('no longer')
    expect((await readObject(store, key))?.bytes.toString()).toContain('"b"')
  })
})
