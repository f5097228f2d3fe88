import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { createHotBlobs, type HeldBlob, type HotBlobs } from './hot-blobs.ts'

const bytes = Buffer.from('0123456789')
const digest = digestOf(bytes)

/** Asks for a blob as often as it takes until it is kept. */
async function heat(hot: HotBlobs, read: () => Promise<Uint8Array>): Promise<HeldBlob | undefined> {
  await hot.hold(digest, bytes.length, read)
  return await hot.hold(digest, bytes.length, read)
}

describe('hot blobs', () => {
  it('are read when they are asked for again, once for all who ask then', async () => {
    const hot = createHotBlobs(10)
    let reads = 0
    const read = async (): Promise<Uint8Array> => (reads++, bytes)
    expect(await hot.hold(digest, 10, read)).toBeUndefined()
    expect(reads).toBe(0)
    const held = await Promise.all([1, 2, 3].map(() => hot.hold(digest, 10, read)))
    expect(held.map((one) => one?.bytes)).toEqual([bytes, bytes, bytes])
    expect(reads).toBe(1)
  })

  it('are given at once when they are there', async () => {
    const hot = createHotBlobs(10)
    const { promise, resolve } = Promise.withResolvers<Uint8Array>()
    const heating = heat(hot, () => promise)
    expect(hot.grab(digest)).toBeUndefined()
    resolve(bytes)
    await heating
    expect(hot.grab(digest)?.bytes).toBe(bytes)
  })

  it('are not kept if they cannot be read', async () => {
    const hot = createHotBlobs(10)
    await expect(heat(hot, () => Promise.reject(new Error('damaged')))).rejects.toThrow('damaged')
    expect((await hot.hold(digest, 10, async () => bytes))?.bytes).toBe(bytes)
  })

  it('give way only when nobody reads them', async () => {
    const hot = createHotBlobs(10)
    const held = await heat(hot, async () => bytes)
    const [other, otherDigest] = [Buffer.from('x'), digestOf('x')] as const
    const holdOther = () => hot.hold(otherDigest, 1, async () => other)
    expect([await holdOther(), await holdOther()]).toEqual([undefined, undefined])
    held?.[Symbol.dispose]()
    expect((await holdOther())?.bytes).toBe(other)
  })

  it('never take more than they may, whoever reads them for however long', async () => {
    const step = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), letsGo: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const hot = createHotBlobs(10)
        const held = new Map<Uint8Array, HeldBlob[]>()
        for (const { name, letsGo } of steps) {
          const content = Buffer.alloc(name.charCodeAt(0) - 93, name)
          const one = await hot.hold(digestOf(content), content.length, async () => content)
          if (one && !letsGo) held.set(one.bytes, [...(held.get(one.bytes) ?? []), one])
          else one?.[Symbol.dispose]()
          const inUse = [...held.keys()].reduce((sum, { length }) => sum + length, 0)
          expect(inUse).toBeLessThanOrEqual(10)
        }
      }),
    )
  })
})
