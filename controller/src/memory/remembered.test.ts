import { Fault } from '@stowage/mirror/oci/fault'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import * as z from 'zod'
import { describe, expect, it } from 'vitest'
import { isOtherWriter, openRemembered } from './remembered.ts'

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

  it('is written by one process only: a second one is refused, and changes nothing', async () => {
    const store = createMemoryStore()
    const one = await openRemembered(store, options)
    await one.put('a', 1)
    await one.put('b', 1)
    const two = await openRemembered(store, options)
    await two.put('a', 2)
    await two.put('c', 2)
    await two.delete('b')
    for (const late of [one.put('a', 3), one.put('b', 3), one.put('c', 3), one.delete('a'), one.delete('b')]) {
      await expect(late).rejects.toSatisfy(isOtherWriter)
    }
    expect([...one.all]).toEqual([
      ['a', 1],
      ['b', 1],
    ])
    expect([...(await openRemembered(store, options)).all]).toEqual([
      ['a', 2],
      ['c', 2],
    ])
  })

  it.each(['putIfAbsent', 'putIfMatch', 'delete'] as const)(
    'goes on when it was not heard that a %s was done, and was not',
    async (verb) => {
      const store = createMemoryStore()
      const verbs = { ...store }
      const remembered = await openRemembered(store, options)
      if (verb !== 'putIfAbsent') await remembered.put('a', 1)
      const change = () => (verb === 'delete' ? remembered.delete('a') : remembered.put('a', 2))
      const become = (answer: (...args: never[]) => unknown): unknown => Object.assign(store, { [verb]: answer })
      become(() => Promise.reject(new Fault('unavailable', 'lost on the way there')))
      await expect(change()).rejects.toThrow('lost')
      become(async (...args: [string, never, never]) => {
        await verbs[verb](...args)
        throw new Fault('unavailable', 'lost on the way back')
      })
      await expect(change()).rejects.toThrow('lost')
      Object.assign(store, verbs)
      await change()
      await remembered.put('a', 3)
      expect([...(await openRemembered(store, options)).all]).toEqual([['a', 3]])
    },
  )

  it('is not written over if another process wrote while it was in doubt', async () => {
    const store = createMemoryStore()
    const verbs = { ...store }
    const remembered = await openRemembered(store, options)
    await remembered.put('a', 1)
    store.putIfMatch = () => Promise.reject(new Fault('unavailable', 'lost'))
    await expect(remembered.put('a', 2)).rejects.toThrow('lost')
    Object.assign(store, verbs)
    await (await openRemembered(store, options)).put('a', 7)
    await expect(remembered.put('a', 3)).rejects.toSatisfy(isOtherWriter)
  })

  it('is refused if it was written by another version', async () => {
    const store = createMemoryStore()
    await (await openRemembered(store, { prefix: 'test/', schema: z.string() })).put('a', 'text')
    await expect(openRemembered(store, options)).rejects.toThrow('another version of Stowage')
  })
})
