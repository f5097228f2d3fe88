import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createLine, type Lane, type Line, type LineShape, type Parcel } from './line.ts'
import { seededRandom } from './seeded-random.ts'

const fast: LineShape = { bytesPerSecond: Infinity, delayMs: 0, jitterMs: 0 }

interface Bench {
  readonly line: Line
  /** Everything that arrived, in order. */
  readonly arrived: { name: string; parcel: Parcel; atMs: number }[]
  lane(name: string, options?: { takesAll?: boolean; onRoom?: () => void }): Lane
  text(name: string): string
  bytes(): number
}

function benchOf(shape: LineShape, allow?: (bytes: number) => number): Bench {
  const start = performance.now()
  const line = createLine({
    shape,
    now: () => performance.now(),
    random: seededRandom(1),
    ...(allow ? { allow } : {}),
  })
  const arrived: Bench['arrived'] = []
  return {
    line,
    arrived,
    lane: (name, { takesAll = true, onRoom = () => undefined } = {}) =>
      line.lane({
        onArrival(parcel) {
          arrived.push({ name, parcel, atMs: performance.now() - start })
          return takesAll
        },
        onRoom,
      }),
    text: (wanted) =>
      arrived
        .filter(({ name }) => name === wanted)
        .map(({ parcel }) => parcel.toString())
        .join(''),
    bytes: () => arrived.reduce((sum, { parcel }) => sum + (typeof parcel === 'string' ? 0 : parcel.length), 0),
  }
}

describe('a line', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  it('carries at its rate, and does not carry faster after being idle than it says', () => {
    const bench = benchOf({ ...fast, bytesPerSecond: 100_000 })
    vi.advanceTimersByTime(60_000)
    const lane = bench.lane('a')
    for (let at = 0; at < 40; at += 1) lane.send(Buffer.alloc(10_000))
    vi.advanceTimersByTime(1000)
    expect(bench.bytes()).toBeGreaterThan(95_000)
    expect(bench.bytes()).toBeLessThan(107_000)
    vi.advanceTimersByTime(3100)
    expect(bench.bytes()).toBe(400_000)
  })

  it('shares its rate evenly between connections', () => {
    const bench = benchOf({ ...fast, bytesPerSecond: 100_000 })
    const [a, b] = [bench.lane('a'), bench.lane('b')]
    a.send(Buffer.alloc(60_000, 'a'))
    b.send(Buffer.alloc(60_000, 'b'))
    vi.advanceTimersByTime(600)
    expect(Math.abs(bench.text('a').length - bench.text('b').length)).toBeLessThanOrEqual(2048)
  })

  it('delays, and keeps the order whatever the jitter', () => {
    const bench = benchOf({ bytesPerSecond: 1_000_000, delayMs: 300, jitterMs: 200 })
    const lane = bench.lane('a')
    lane.send('open')
    for (let at = 0; at < 26; at += 1) lane.send(Buffer.alloc(3000, 97 + at))
    lane.send('end')
    vi.advanceTimersByTime(299)
    expect(bench.arrived).toEqual([])
    vi.advanceTimersByTime(400)
    const pieces = Array.from({ length: 26 }, (_, at) => String.fromCharCode(97 + at).repeat(3000))
    expect(bench.text('a')).toBe(`open${pieces.join('')}end`)
    expect(bench.arrived.every(({ atMs }, index) => index === 0 || atMs >= bench.arrived[index - 1]!.atMs)).toBe(true)
  })

  it('fills a long delay at full rate with a single connection', () => {
    const bench = benchOf({ bytesPerSecond: 1_000_000, delayMs: 1000, jitterMs: 0 })
    let canGoOn = true
    const lane = bench.lane('a', { onRoom: () => (canGoOn = true) })
    for (let ms = 0; ms < 3000; ms += 1) {
      while (canGoOn) canGoOn = lane.send(Buffer.alloc(16_384))
      vi.advanceTimersByTime(1)
    }
    expect(bench.bytes()).toBeGreaterThan(1_900_000)
  })

  it('asks the sender to wait while its queue is long, and calls it when there is room', () => {
    const bench = benchOf({ ...fast, bytesPerSecond: 100_000 })
    const onRoom = vi.fn<() => void>()
    const lane = bench.lane('a', { onRoom })
    expect(lane.send(Buffer.alloc(40_000))).toBe(true)
    expect(lane.send(Buffer.alloc(60_000))).toBe(false)
    expect(onRoom).not.toHaveBeenCalled()
    vi.advanceTimersByTime(800)
    expect(onRoom).toHaveBeenCalledOnce()
  })

  it.each([
    [fast, 192],
    [{ bytesPerSecond: 1_000_000, delayMs: 100, jitterMs: 0 }, 192 + 100],
  ])('holds little for a far side that takes nothing: %j', (shape, mostKiB) => {
    const bench = benchOf(shape)
    const lane = bench.lane('slow', { takesAll: false })
    const other = bench.lane('other')
    let sent = 0
    for (let canGoOn = true; canGoOn; vi.advanceTimersByTime(50)) {
      canGoOn = lane.send(Buffer.alloc(32_768))
      sent += 32_768
    }
    expect(sent).toBeLessThan((mostKiB + 64) * 1024)
    other.send(Buffer.from('passes by'))
    vi.advanceTimersByTime(200)
    expect(bench.text('other')).toBe('passes by')
  })

  it('goes on where it was after a hold, with nothing lost', () => {
    const bench = benchOf({ bytesPerSecond: 10_000, delayMs: 500, jitterMs: 0 })
    const lane = bench.lane('a')
    lane.send(Buffer.alloc(20_000, 'x'))
    vi.advanceTimersByTime(1000)
    bench.line.hold()
    const before = bench.bytes()
    lane.send(Buffer.from('y'))
    vi.advanceTimersByTime(600_000)
    expect(bench.bytes()).toBe(before)
    bench.line.release()
    vi.advanceTimersByTime(3000)
    expect(bench.text('a')).toBe(`${'x'.repeat(20_000)}y`)
  })

  it('delivers nothing to a lane that was closed, and all to the others', () => {
    const bench = benchOf({ bytesPerSecond: 10_000, delayMs: 500, jitterMs: 0 })
    const [closed, open] = [bench.lane('closed'), bench.lane('open')]
    closed.send(Buffer.alloc(5000))
    open.send(Buffer.alloc(5000))
    closed.close()
    vi.advanceTimersByTime(3000)
    expect([closed.send(Buffer.alloc(1)), bench.text('closed'), bench.text('open').length]).toEqual([true, '', 5000])
  })

  it('takes a new shape at once', () => {
    const bench = benchOf({ bytesPerSecond: 10, delayMs: 0, jitterMs: 0 })
    bench.lane('a').send(Buffer.alloc(50_000))
    vi.advanceTimersByTime(1000)
    bench.line.shape(fast)
    vi.advanceTimersByTime(10)
    expect(bench.bytes()).toBe(50_000)
  })

  it('lets exactly the allowed bytes arrive, whatever came in which pieces', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 400_000 }), (pieces, most) => {
        let left = most
        const bench = benchOf(fast, (bytes) => {
          if (left === 0) bench.line.hold()
          const allowed = Math.min(bytes, left)
          left -= allowed
          return allowed
        })
        const lane = bench.lane('a')
        const sent = pieces.reduce((sum, size) => sum + size, 0)
        for (const size of pieces) lane.send(Buffer.alloc(size))
        expect(bench.bytes()).toBe(Math.min(sent, most))
        left = Infinity
        bench.line.release()
        expect(bench.bytes()).toBe(sent)
      }),
    )
  })
})
