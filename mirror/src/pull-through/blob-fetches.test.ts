import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fault } from '../oci/fault.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { openFsStore } from '../store/fs-store.ts'
import { content, setting, take, type Setting } from './fake-fetches.ts'
import { createFedSource } from './fed-source.ts'

const lost = () => new Fault('unavailable', 'the link is down')

const all = { offset: 0, length: content.length }

describe('a blob that is fetched', () => {
  it('is read while it comes, and by others from the store', async () => {
    using mirror = setting()
    const source = createFedSource(content)
    const fetch = mirror.fetch(source)
    const reading = fetch.read(all)[Symbol.asyncIterator]()
    source.feed(10_000)
    expect((await reading.next()).value).toEqual(content.subarray(0, 10_000))
    expect(await mirror.store.repository('hub/app').stat(source.descriptor.digest)).toBeUndefined()
    source.feed(content.length)
    const rest = await take({ [Symbol.asyncIterator]: () => reading })
    expect(rest).toEqual(content.subarray(10_000))
    await mirror.fetches.settled()
    expect(await mirror.store.repository('hub/app').hasBlob(source.descriptor)).toBe(true)
  })

  it('comes once for readers who come early, late, want parts of it or go away', async () => {
    using mirror = setting()
    const source = createFedSource(content)
    const early = [0, 1, 2].map(() => take(mirror.fetch(source).read(all)))
    const gone = take(mirror.fetch(source).read(all), 5)
    source.feed(1_500_000)
    await gone
    const parts = [
      [0, 100],
      [1_400_000, 200_000],
      [2_999_999, 1],
      [700_000, 2_300_000],
    ] as const
    const late = parts.map(([offset, length]) => take(mirror.fetch(source).read({ offset, length })))
    source.feed(content.length)
    for (const bytes of await Promise.all(early)) expect(bytes.equals(content)).toBe(true)
    for (const [index, bytes] of (await Promise.all(late)).entries()) {
      const [offset, length] = parts[index]!
      expect(bytes.equals(content.subarray(offset, offset + length))).toBe(true)
    }
    expect(source.offsets).toEqual([0])
  })

  it('goes on without readers', async () => {
    using mirror = setting()
    const source = createFedSource(content)
    const leaving = take(mirror.fetch(source).read(all), 1)
    source.feed(50_000)
    await leaving
    source.feed(content.length)
    await mirror.fetches.settled()
    expect(await mirror.store.repository('hub/app').hasBlob(source.descriptor)).toBe(true)
  })

  it('goes on behind the last byte when the link is cut, and readers wait', async () => {
    using mirror = setting()
    const source = createFedSource(content)
    const reading = take(mirror.fetch(source).read(all))
    source.feed(1_234_567)
    await mirror.fetch(source).reaches(1_234_566)
    source.cut(lost())
    source.feed(content.length)
    expect((await reading).equals(content)).toBe(true)
    expect(source.offsets).toEqual([0, 1_234_567])
  })

  it('goes on where the last process stopped', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-fetch-'))
    const source = createFedSource(content)
    {
      await using objects = await openFsStore({ directory: directory.path })
      using first = setting(createContentStore(objects))
      const fetch = first.fetch(source)
      source.feed(2_000_000)
      await fetch.reaches(1_999_999)
      source.cut(new Fault('denied', 'for good'))
      await first.fetches.settled()
    }
    await using objects = await openFsStore({ directory: directory.path })
    using mirror = setting(createContentStore(objects))
    const reading = take(mirror.fetch(source).read({ offset: 500_000, length: 1_000_000 }))
    expect((await reading).equals(content.subarray(500_000, 1_500_000))).toBe(true)
    source.feed(content.length)
    await mirror.fetches.settled()
    // Between them it was asked for samples of what is here.
    expect([source.offsets[0], source.offsets.at(-1), source.offsets.length]).toEqual([0, 2_000_000, 6])
    expect((await take(mirror.fetch(source).read(all))).equals(content)).toBe(true)
  })

  it('is never published with a wrong digest, and no reader gets all of it', async () => {
    using mirror = setting()
    const wrong = Buffer.from(content)
    wrong[1_000_000]! ^= 1
    const source = createFedSource(wrong, content)
    source.feed(content.length)
    const fetch = mirror.fetch(source)
    let came = 0
    const reading = (async () => {
      for await (const chunk of fetch.read(all)) came += chunk.length
    })()
    await expect(reading).rejects.toMatchObject({ code: 'corrupt' })
    expect(came).toBeLessThan(content.length)
    expect(await mirror.store.repository('hub/app').hasBlob(source.descriptor)).toBe(false)
  })

  it('is linked wherever it was asked for, and comes once', async () => {
    using mirror = setting()
    const source = createFedSource(content)
    const both = ['hub/app', 'hub/other'].map((name) => take(mirror.fetch(source, name).read(all)))
    source.feed(content.length)
    for (const bytes of await Promise.all(both)) expect(bytes.equals(content)).toBe(true)
    for (const name of ['hub/app', 'hub/other']) {
      expect(await mirror.store.repository(name).hasBlob(source.descriptor)).toBe(true)
    }
    expect(new Set(source.lengths)).toEqual(new Set([1, content.length]))
    expect(source.lengths).toHaveLength(2)
  })

  it('does not come again if another repository has its bytes', async () => {
    using mirror = setting()
    const source = createFedSource(content)
    source.feed(content.length)
    await take(mirror.fetch(source).read(all))
    expect((await take(mirror.fetch(source, 'hub/other').read(all))).equals(content)).toBe(true)
    expect(source.lengths).toEqual([content.length, 4096, 4096, 4096, 4096])
  })

  it.each([
    ['has nothing but its name', new Fault('not-found', 'no such blob'), 'not-found'],
    ['has other bytes', undefined, 'corrupt'],
  ])('is given to nobody else if the upstream %s: neither what is stored nor what comes', async (_, fault, code) => {
    const other = createFedSource(Buffer.alloc(content.length, 'x'), content)
    other.feed(content.length)
    const answered = async (mirror: Setting): Promise<void> => {
      if (fault) other.cut(fault)
      const fetch = mirror.fetch(other, 'evil/app')
      await expect(take(fetch.read(all))).rejects.toMatchObject({ code })
      await expect(fetch.reaches(0)).rejects.toMatchObject({ code })
      expect(await mirror.store.repository('evil/app').stat(other.descriptor.digest)).toBeUndefined()
    }
    using mirror = setting()
    const source = createFedSource(content)
    const before = take(mirror.fetch(source).read(all))
    source.feed(1_000_000)
    await mirror.fetch(source).reaches(999_999)
    const meanwhile = answered(mirror)
    source.feed(content.length)
    expect((await before).equals(content)).toBe(true)
    await meanwhile
    await mirror.fetches.settled()
    await answered(mirror)
  })

  it('is not shown half to who does not have that half', async () => {
    using mirror = setting()
    const source = createFedSource(content)
    const fetch = mirror.fetch(source)
    source.feed(2_000_000)
    await fetch.reaches(1_999_999)
    source.cut(new Fault('denied', 'for good'))
    await mirror.fetches.settled()
    const other = createFedSource(content)
    other.cut(new Fault('not-found', 'no such blob'))
    const taken = take(mirror.fetch(other, 'evil/app').read({ offset: 0, length: 100 }))
    await expect(taken).rejects.toMatchObject({ code: 'not-found' })
  })

  it('comes for another repository of its upstream only if the upstream gives it there', async () => {
    using mirror = setting()
    const source = createFedSource(content)
    const before = take(mirror.fetch(source).read(all))
    source.feed(1_000_000)
    await mirror.fetch(source).reaches(999_999)
    source.refuse('evil', new Fault('not-found', 'no such blob'))
    const fetch = mirror.fetch(source, 'hub/evil')
    await expect(take(fetch.read({ offset: 0, length: 100 }))).rejects.toMatchObject({ code: 'not-found' })
    source.feed(content.length)
    expect((await before).equals(content)).toBe(true)
    await mirror.fetches.settled()
    expect(await mirror.store.repository('hub/evil').stat(source.descriptor.digest)).toBeUndefined()
  })

  it('may have no bytes at all', async () => {
    using mirror = setting()
    const source = createFedSource(Buffer.alloc(0))
    expect(await take(mirror.fetch(source).read({ offset: 0, length: 0 }))).toEqual(Buffer.alloc(0))
    await mirror.fetches.settled()
    expect(await mirror.store.repository('hub/app').hasBlob(source.descriptor)).toBe(true)
  })

  it('is begun anew by the next reader after it was given up', async () => {
    using mirror = setting()
    const source = createFedSource(content)
    source.feed(content.length)
    source.cut(new Fault('denied', 'not for you'))
    await expect(mirror.fetch(source).reaches(0)).rejects.toMatchObject({ code: 'denied' })
    await mirror.fetches.settled()
    expect((await take(mirror.fetch(source).read(all))).equals(content)).toBe(true)
  })

  it('gives any reader its part, whatever the link does', async () => {
    const step = fc.record({ until: fc.nat(content.length), isCut: fc.boolean() })
    const part = fc.tuple(fc.nat(content.length), fc.nat(content.length))
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.array(part, { maxLength: 4 }), async (steps, parts) => {
        using mirror = setting()
        const source = createFedSource(content)
        const wanted = parts.map(([a, b]) => ({ offset: Math.min(a, b), length: Math.abs(a - b) }))
        const readings = wanted.map((one) => take(mirror.fetch(source).read(one)))
        for (const { until, isCut } of steps.toSorted((a, b) => a.until - b.until)) {
          source.feed(until)
          if (isCut) source.cut(lost())
          await new Promise((resolve) => setImmediate(resolve))
        }
        source.feed(content.length)
        for (const [index, bytes] of (await Promise.all(readings)).entries()) {
          const { offset, length } = wanted[index]!
          expect(bytes.equals(content.subarray(offset, offset + length))).toBe(true)
        }
      }),
      { numRuns: 20 },
    )
  })
})
