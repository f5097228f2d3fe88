import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { headerLength, makeName } from './cell.ts'
import { headBytes, nextSegmentSize, parseHead, parseState, stateCell } from './upload-state.ts'

describe('a state of an upload', () => {
  it('is read as it was written, and its first bytes tell the size and the name of its data', () => {
    const segment = fc.record({ name: fc.string({ minLength: 1 }), size: fc.nat() })
    const publishing = fc.option(fc.string({ minLength: 1 }), { nil: undefined })
    fc.assert(
      fc.property(
        fc.array(segment),
        fc.array(segment),
        fc.constantFrom(makeName(), makeName()),
        publishing,
        fc.uint8Array({ maxLength: 2000 }),
        (segments, crumbs, data, key, tail) => {
          const state = { data, segments, crumbs, ...(key === undefined ? {} : { publishing: key }) }
          const bytes = stateCell(state, tail).subarray(headerLength)
          expect(parseState(bytes)).toEqual({ state, tail: Buffer.from(tail) })
          const size = [...segments, ...crumbs].reduce((sum, each) => sum + each.size, tail.length)
          expect(parseHead(bytes.subarray(0, headBytes))).toEqual({ size, data })
        },
      ),
    )
  })

  it('is none if bytes of it are missing', () => {
    const bytes = stateCell({ data: 'd', segments: [], crumbs: [] }, Buffer.from('tail')).subarray(headerLength)
    expect(() => parseState(bytes.subarray(0, -1))).toThrow('not the bytes')
    expect(() => parseState(Buffer.from('other\n'))).toThrow('JSON')
    expect(parseHead(Buffer.from('other\n'))).toBeUndefined()
  })

  it('has segments that a service joins, and room for hundreds of gigabytes', () => {
    let size = 0
    for (let count = 0; count < 10_000; count++) size += nextSegmentSize(count)
    expect(nextSegmentSize(0)).toBeGreaterThanOrEqual(5 * 1024 ** 2)
    let inMemoryOfUsualSizes = 0
    for (let count = 0; inMemoryOfUsualSizes < 20 * 1024 ** 3; count++) {
      inMemoryOfUsualSizes += nextSegmentSize(count)
      expect(nextSegmentSize(count)).toBeLessThanOrEqual(16 * 1024 ** 2)
    }
    expect(size).toBeGreaterThan(500 * 1024 ** 3)
  })
})
