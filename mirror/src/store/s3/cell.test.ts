import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { graveCell, headerLength, inlineCell, makeName, parseCell, pointerCell } from './cell.ts'

const first = (cell: Buffer) => cell.subarray(0, headerLength)

describe('a cell', () => {
  it('holds the bytes of a small object, each time in another way', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1000 }), (bytes) => {
        const [one, other] = [inlineCell(bytes), inlineCell(bytes)]
        expect(one.equals(other)).toBe(false)
        expect(one.subarray(headerLength).equals(bytes)).toBe(true)
        expect(parseCell(first(one), one.length)).toEqual({ kind: 'inline', size: bytes.length })
      }),
    )
  })

  it('is shorter than the header of a small object if it is a pointer or a grave, however large the object is', () => {
    fc.assert(
      fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (size) => {
        const data = makeName()
        const pointer = pointerCell({ data, size })
        expect(pointer.length).toBeLessThan(headerLength)
        expect(parseCell(pointer, pointer.length)).toEqual({ kind: 'pointer', data, size })
      }),
    )
    for (const data of [undefined, makeName()]) {
      const grave = graveCell(data)
      expect(grave.length).toBeLessThan(headerLength)
      expect(parseCell(grave, grave.length)).toEqual({ kind: 'grave', data })
    }
  })

  it.each([
    ['', 'JSON'],
    ['of somebody else', 'JSON'],
    ['{}', 'Invalid'],
    ['{"data":1}', 'Invalid'],
  ])('is not %j', (text, message) => {
    expect(() => parseCell(Buffer.from(text), text.length)).toThrow(message)
  })
})
