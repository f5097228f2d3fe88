import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { createMemoryStore } from './memory-store.ts'
import { createRecords } from './records.ts'

const open = (objects = createMemoryStore()) =>
  createRecords(objects, { prefix: 'counts/', schema: z.object({ count: z.number() }) })

describe('records', () => {
  it('are there once they were updated, until they are deleted', async () => {
    const records = open()
    expect(await records.get('a')).toBeUndefined()
    expect(await records.update('a', () => ({ count: 1 }))).toEqual({ count: 1 })
    expect(await records.get('a')).toEqual({ count: 1 })
    expect(await records.delete('a')).toBe(true)
    expect(await records.delete('a')).toBe(false)
    expect(await records.get('a')).toBeUndefined()
  })

  it('stay as they are if the change has nothing to say', async () => {
    const objects = createMemoryStore()
    const records = open(objects)
    expect(await records.update('a', () => undefined)).toBeUndefined()
    await records.update('a', () => ({ count: 1 }))
    const before = await objects.head('counts/a.json')
    expect(await records.update('a', () => undefined)).toEqual({ count: 1 })
    expect(await objects.head('counts/a.json')).toEqual(before)
  })

  it('lose nothing when many update one at the same time', async () => {
    const objects = createMemoryStore()
    const writers = Array.from({ length: 25 }, () => open(objects))
    const add = (records: ReturnType<typeof open>) => records.update('a', (old) => ({ count: (old?.count ?? 0) + 1 }))
    await Promise.all([...writers, ...writers].map(add))
    expect(await open(objects).get('a')).toEqual({ count: 50 })
  })

  it('lose nothing when updates race with deletions', async () => {
    const records = open()
    let deleted = 0
    let added = 0
    const add = async (): Promise<void> => {
      await records.update('a', (old) => ({ count: (old?.count ?? 0) + 1 }))
      added++
    }
    await Promise.all([add(), add(), add()])
    if (await records.delete('a')) deleted = added
    await Promise.all([add(), add()])
    expect(await records.get('a')).toEqual({ count: added - deleted })
  })

  // Each byte may take three characters of the 255 that a segment has.
  const fits = (name: string): boolean => Buffer.byteLength(name) <= 80

  it('may have any name', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(
          fc.oneof(fc.string({ maxLength: 60 }), fc.string({ unit: 'grapheme', maxLength: 20 })).filter(fits),
        ),
        async (names) => {
          const records = open()
          for (const [count, name] of names.entries()) await records.update(name, () => ({ count }))
          for (const [count, name] of names.entries()) expect(await records.get(name)).toEqual({ count })
          const listed = await Array.fromAsync(records.list())
          expect(new Map(listed.map(({ name, value }) => [name, value.count]))).toEqual(
            new Map(names.map((name, count) => [name, count])),
          )
        },
      ),
      { numRuns: 200 },
    )
  })

  it.each(['..', '.', '', '/', '../../etc/passwd', 'a/b', 'a=2fb', '%2f', '=', 'ä', 'A', 'a b\n'])(
    'may be called %j',
    async (name) => {
      const objects = createMemoryStore()
      await open(objects).update(name, () => ({ count: 1 }))
      expect((await Array.fromAsync(open(objects).list())).map((record) => record.name)).toEqual([name])
      const keys = (await Array.fromAsync(objects.list(''))).map(({ key }) => key)
      expect(keys).toEqual([expect.stringMatching(/^counts\/[^/]*\.json$/)])
    },
  )

  it('refuse a name that is too long for a key', async () => {
    await expect(open().get('x'.repeat(300))).rejects.toMatchObject({ code: 'invalid' })
  })

  it('are refused if they are not of the schema, with the key', async () => {
    const objects = createMemoryStore()
    for (const text of ['{"count":"one"}', '{', '']) {
      const old = await objects.head('counts/a.json')
      await (old
        ? objects.putIfMatch(old.key, old.etag, Buffer.from(text))
        : objects.putIfAbsent('counts/a.json', Buffer.from(text)))
      const fault = { code: 'invalid', message: expect.stringContaining('counts/a.json') }
      await expect(open(objects).get('a')).rejects.toMatchObject(fault)
      await expect(open(objects).update('a', () => ({ count: 1 }))).rejects.toMatchObject(fault)
    }
  })

  it('are listed by key, each prefix for itself', async () => {
    const objects = createMemoryStore()
    const other = createRecords(objects, { prefix: 'counts-of-others/', schema: z.number() })
    await other.update('x', () => 1)
    for (const name of ['b', 'a', 'C']) await open(objects).update(name, () => ({ count: 1 }))
    expect((await Array.fromAsync(open(objects).list())).map(({ name }) => name)).toEqual(['C', 'a', 'b'])
  })
})
