import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseContentRange, parseRange } from './parse-range.ts'

describe('parseRange', () => {
  it.each<[string | undefined, number, ReturnType<typeof parseRange>]>([
    [undefined, 10, undefined],
    ['', 10, undefined],
    ['bytes=0-', 10, { offset: 0, length: 10 }],
    ['bytes=0-0', 10, { offset: 0, length: 1 }],
    ['bytes=3-5', 10, { offset: 3, length: 3 }],
    ['bytes=3-', 10, { offset: 3, length: 7 }],
    ['bytes=3-99', 10, { offset: 3, length: 7 }],
    ['bytes=-4', 10, { offset: 6, length: 4 }],
    ['bytes=-99', 10, { offset: 0, length: 10 }],
    ['Bytes = 1-2', 10, { offset: 1, length: 2 }],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=5-3', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    [`bytes=${'9'.repeat(400)}-`, 10, 'unsatisfiable'],
    ['bytes=0-1,3-4', 10, undefined],
    ['bytes=-', 10, undefined],
    ['bytes=a-b', 10, undefined],
    ['items=0-1', 10, undefined],
  ])('reads %s of %i bytes', (header, size, expected) => {
    expect(parseRange(header, size)).toEqual(expected)
  })

  it('never names a byte that is not there', () => {
    const position = fc.oneof(fc.constant(''), fc.nat(30).map(String))
    fc.assert(
      fc.property(position, position, fc.nat(20), (first, last, size) => {
        const range = parseRange(`bytes=${first}-${last}`, size)
        if (range === undefined || range === 'unsatisfiable') return
        expect(range.length).toBeGreaterThan(0)
        expect(range.offset + range.length).toBeLessThanOrEqual(size)
      }),
    )
  })
})

describe('parseContentRange', () => {
  it.each([
    ['0-99', { start: 0, end: 99 }],
    ['100-199', { start: 100, end: 199 }],
    ['bytes 5-9/10', { start: 5, end: 9 }],
    ['bytes 5-9/*', { start: 5, end: 9 }],
    ['bytes=0-1', undefined],
    ['5-', undefined],
    ['', undefined],
    ['a-b', undefined],
  ])('reads %j', (header, expected) => {
    expect(parseContentRange(header)).toEqual(expected)
  })

  it('reads positions of any text, or nothing', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^(bytes )?\d{0,20}-\d{0,20}(\/[\d*]{0,20})?$/))
    fc.assert(
      fc.property(text, (header) => {
        const range = parseContentRange(header)
        if (range) expect([range.start, range.end].every((position) => position >= 0 && position < 1e16)).toBe(true)
      }),
    )
  })
})
