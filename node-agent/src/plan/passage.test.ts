import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Transfer } from '@stowage/mirror/edge/transfer'
import { createTestImage } from '../testing/test-image.ts'
import { lanesOf, passagesOf, type Passage, type Terms } from './passage.ts'

const noon = Date.parse('2026-11-23T12:00Z')
const midnight = Date.parse('2026-11-24T00:00Z')
const atNight = { windows: [{ start: '22:00', end: '06:00' }] }
const at22 = Date.parse('2026-11-23T22:00Z')

function passageOf(transfers: readonly (Transfer | undefined)[], now: number | undefined = noon): Passage | undefined {
  const terms = transfers.map((transfer, index): Terms => ({ cache: `cache-${index}`, transfer }))
  return passagesOf(new Map([['a', terms]]), now).get('a')
}
const lane = (cache: number, bytesPerSecond: number) => ({ cache: `cache-${cache}`, bytesPerSecond })

describe('the passage of an image', () => {
  it.each<[string, (Transfer | undefined)[], number | undefined, Partial<Passage>]>([
    ['is free where nothing is said', [undefined], noon, { isOpen: true, lane: undefined, changesAt: Infinity }],
    ['is limited by the rate of its cache', [{ bytesPerSecond: 5 }], noon, { isOpen: true, lane: lane(0, 5) }],
    ['is limited by the highest rate', [{ bytesPerSecond: 5 }, { bytesPerSecond: 7 }], noon, { lane: lane(1, 7) }],
    ['is free where one cache sets no limit', [{ bytesPerSecond: 5 }, {}], noon, { lane: undefined }],
    ['is closed outside of the window', [atNight], noon, { isOpen: false, changesAt: at22 }],
    ['is open where one cache has no window', [atNight, { windows: [] }], noon, { isOpen: true }],
    [
      'has the limit of those whose window is open',
      [atNight, { bytesPerSecond: 5 }],
      noon,
      { isOpen: true, lane: lane(1, 5), changesAt: at22 },
    ],
    ['is free while a window without limit is open', [atNight, { bytesPerSecond: 5 }], midnight, { lane: undefined }],
    ['is closed as long as nobody knows the time', [atNight], undefined, { isOpen: false, changesAt: Infinity }],
    ['needs no time without a window', [{ bytesPerSecond: 5 }], undefined, { isOpen: true, lane: lane(0, 5) }],
  ])('%s', (_, transfers, now, expected) => {
    const terms = transfers.map((transfer, index): Terms => ({ cache: `cache-${index}`, transfer }))
    expect(passagesOf(new Map([['a', terms]]), now).get('a')).toMatchObject(expected)
  })

  it('never gets narrower when another cache wants the image too', () => {
    const transfer = fc.record(
      { bytesPerSecond: fc.integer({ min: 1, max: 3 }), windows: fc.constant(atNight.windows) },
      { requiredKeys: [] },
    )
    const width = (passage: Passage | undefined): number =>
      passage?.isOpen ? (passage.lane?.bytesPerSecond ?? Infinity) : 0
    fc.assert(
      fc.property(fc.array(transfer, { minLength: 1 }), transfer, fc.constantFrom(noon, midnight), (all, more, now) => {
        const each = all.map((one) => width(passageOf([one], now)))
        expect(width(passageOf(all, now))).toBe(Math.max(...each))
        expect(width(passageOf([...all, more], now))).toBeGreaterThanOrEqual(width(passageOf(all, now)))
      }),
      { numRuns: 30 },
    )
  })
})

describe('the limit of a blob', () => {
  it('is the widest of the images that need it, and none if one of them has none', () => {
    const shared = [Buffer.of(1), Buffer.of(2)]
    const [a, b, free] = [
      createTestImage(shared).graph,
      createTestImage([shared[0]!, Buffer.of(3)]).graph,
      createTestImage([shared[1]!, Buffer.of(4)]).graph,
    ]
    const digestsOf = ({ blobs }: typeof a) => blobs.slice(-2).map(({ digest }) => digest)
    const lanes = lanesOf([
      { graph: a, lane: lane(0, 5) },
      { graph: b, lane: lane(1, 7) },
      { graph: free, lane: undefined },
    ])
    expect(digestsOf(a).map((digest) => lanes.get(digest)?.bytesPerSecond)).toEqual([7, undefined])
    expect(digestsOf(b).map((digest) => lanes.get(digest)?.bytesPerSecond)).toEqual([7, 7])
    expect(digestsOf(free).map((digest) => lanes.get(digest)?.bytesPerSecond)).toEqual([undefined, undefined])
  })
})
