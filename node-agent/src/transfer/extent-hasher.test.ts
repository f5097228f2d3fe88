import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Extent } from '../state/part-journal.ts'
import { createExtentHasher } from './extent-hasher.ts'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

it('cuts bytes in the same places however they come and whenever it is asked', () => {
  const pieces = fc.array(fc.tuple(fc.uint8Array({ maxLength: 25 }), fc.boolean()), { maxLength: 12 })
  fc.assert(
    fc.property(pieces, (input) => {
      const hasher = createExtentHasher(0, 10)
      const extents = new Map<number, Extent>()
      for (const [piece, isAsked] of input) {
        hasher.update(piece)
        if (isAsked) for (const extent of hasher.take()) extents.set(extent.start, extent)
      }
      for (const extent of hasher.take()) extents.set(extent.start, extent)
      const all = Buffer.concat(input.map(([piece]) => piece))
      const expected = Array.from({ length: Math.ceil(all.length / 10) }, (_, index) => {
        const [start, end] = [index * 10, Math.min(all.length, index * 10 + 10)]
        return { start, end, sha256: sha256(all.subarray(start, end)) }
      })
      expect([...extents.values()].toSorted((a, b) => a.start - b.start)).toEqual(expected)
    }),
  )
})

it('has nothing to tell where nothing came', () => {
  const hasher = createExtentHasher(0, 10)
  hasher.update(new Uint8Array(5))
  expect(hasher.take()).toHaveLength(1)
  expect(hasher.take()).toEqual([])
})
