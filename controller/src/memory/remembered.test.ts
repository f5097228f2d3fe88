import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import * as z from 'zod'
import { describe, expect, it } from 'vitest'
import { openRemembered } from './remembered.ts'

const options = { prefix: 'test/', schema: z.number() }

describe('what is remembered', () => {
  it('is there after a restart, under whatever name', async () => {
    const store = createMemoryStore()
    const names = ['a', 'docker.io/library/nginx:1', `${'é/'.repeat(200)}x`, `${'é/'.repeat(200)}y`]
    const before = await openRemembered(store, options)
    for (const [index, name] of names.entries()) await before.put(name, index)
    await before.delete('a')
    const { all } = await openRemembered(store, options)
    expect(new Map(all)).toEqual(new Map(names.slice(1).map((name, index) => [name, index + 1])))
  })

  it('is written only when it is saved, if it was only noted', async () => {
    const store = createMemoryStore()
    const remembered = await openRemembered(store, options)
    remembered.note('a', 1)
    expect(remembered.all.get('a')).toBe(1)
    expect((await openRemembered(store, options)).all.size).toBe(0)
    await remembered.save('a')
    expect((await openRemembered(store, options)).all.get('a')).toBe(1)
  })

  it('is what came last, however writes overlap', async () => {
    const store = createMemoryStore()
    const remembered = await openRemembered(store, options)
    const writes = [1, 2, 3].map((value) => {
      remembered.note('a', value)
      return remembered.save('a')
    })
    await Promise.all(writes)
    expect((await openRemembered(store, options)).all.get('a')).toBe(3)
  })

  it('is as it was when it cannot be written', async () => {
    const store = createMemoryStore()
    const remembered = await openRemembered(store, options)
    await remembered.put('a', 1)
    store.putIfMatch = () => Promise.reject(new Error('disk full'))
    await expect(remembered.put('a', 2)).rejects.toThrow('disk full')
    expect(remembered.all.get('a')).toBe(1)
  })

  it('is refused if it was written by another version', async () => {
    const store = createMemoryStore()
    await (await openRemembered(store, { prefix: 'test/', schema: z.string() })).put('a', 'text')
    await expect(openRemembered(store, options)).rejects.toThrow('another version of Stowage')
  })
})
