import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { digestOf, type Digest } from '@stowage/mirror/oci/digest'
import type { Lane } from '../plan/passage.ts'
import { createThrottle, type Throttle } from './throttle.ts'

const [a, b, c] = [digestOf('a'), digestOf('b'), digestOf('c')]
const signal = new AbortController().signal

/** Lets chunks of a blob come one after the other, as fast as they may, and counts their bytes. */
function flow(throttle: Throttle, digest: Digest, chunk = 100, end: AbortSignal = signal): { bytes: number } {
  const count = { bytes: 0 }
  void (async () => {
    while (!end.aborted && count.bytes < 1e6) {
      count.bytes += chunk
      await throttle.passed(digest, chunk, end)
    }
  })()
  return count
}

const under = (lanes: readonly [Digest, Lane][]): ReadonlyMap<Digest, Lane> => new Map(lanes)
const lane = (bytesPerSecond: number, cache = 'cache'): Lane => ({ cache, bytesPerSecond })

describe('a throttle', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  it('lets no more bytes pass than the limit says, however many share it', async () => {
    const throttle = createThrottle()
    throttle.allot(
      under([
        [a, lane(1000)],
        [b, lane(1000)],
      ]),
    )
    const flows = [flow(throttle, a), flow(throttle, b, 70)]
    await vi.advanceTimersByTimeAsync(20_000)
    const total = flows[0]!.bytes + flows[1]!.bytes
    expect(total).toBeGreaterThan(19_000)
    expect(total).toBeLessThan(20_000 + 1000 + 200)
    for (const { bytes } of flows) expect(bytes).toBeGreaterThan(7000)
  })

  it('holds nobody up who is under no limit, and keeps limits apart', async () => {
    const throttle = createThrottle()
    throttle.allot(
      under([
        [a, lane(1000, 'one')],
        [b, lane(5000, 'two')],
      ]),
    )
    const flows = [flow(throttle, a), flow(throttle, b), flow(throttle, c)]
    await vi.advanceTimersByTimeAsync(10_000)
    expect(Math.round(flows[0]!.bytes / 1000)).toBe(10)
    expect(Math.round(flows[1]!.bytes / 1000)).toBe(50)
    expect(flows[2]!.bytes).toBe(1e6)
    expect(throttle.laneOf(a)).toBe('one')
    expect(throttle.laneOf(c)).toBeUndefined()
  })

  it('goes by another limit from when it is set, also for bytes that wait', async () => {
    const throttle = createThrottle()
    throttle.allot(under([[a, lane(10)]]))
    const { bytes } = flow(throttle, a, 1000)
    const waits = flow(throttle, a, 1000)
    await vi.advanceTimersByTimeAsync(1000)
    expect([bytes, waits.bytes]).toEqual([1000, 1000])
    throttle.allot(under([[a, lane(10_000)]]))
    await vi.advanceTimersByTimeAsync(1000)
    expect(waits.bytes).toBeGreaterThan(3000)
    throttle.allot(under([]))
    await vi.advanceTimersByTimeAsync(1)
    expect(waits.bytes).toBe(1e6)
  })

  it('grants slices at the rate, none of them before its time', async () => {
    const throttle = createThrottle()
    throttle.allot(
      under([
        [a, lane(100_000)],
        [b, lane(100_000)],
      ]),
    )
    const granted = { bytes: 0, most: 0 }
    const ask = async (digest: Digest): Promise<void> => {
      for (;;) {
        const bytes = await throttle.grant(digest, signal)
        granted.bytes += bytes
        granted.most = Math.max(granted.most, bytes)
      }
    }
    void ask(a)
    void ask(b)
    await vi.advanceTimersByTimeAsync(999)
    expect(granted.bytes).toBe(0)
    await vi.advanceTimersByTimeAsync(29_001)
    expect(granted).toEqual({ bytes: 30 * 100_000, most: 100_000 })
  })

  it('grants all that there is without a limit, and slices by the rate that holds when they are granted', async () => {
    const throttle = createThrottle()
    expect(await throttle.grant(a, signal)).toBe(Infinity)
    throttle.allot(under([[a, lane(10_000_000)]]))
    const fast = [throttle.grant(a, signal), throttle.grant(a, signal)]
    throttle.allot(under([[a, lane(1000)]]))
    await vi.advanceTimersByTimeAsync(17_000)
    expect(await fast[0]).toBe(16 * 1024)
    throttle.allot(under([[a, lane(50_000)]]))
    await vi.advanceTimersByTimeAsync(1000)
    expect(await fast[1]).toBe(50_000)
    throttle.allot(under([[a, lane(1000)]]))
    const last = throttle.grant(a, signal)
    throttle.allot(under([]))
    await vi.advanceTimersByTimeAsync(1)
    expect(await last).toBe(Infinity)
  })

  it('ends the waiting when the signal fires', async () => {
    const throttle = createThrottle()
    throttle.allot(under([[a, lane(1)]]))
    const ended = new AbortController()
    const passed = throttle.passed(a, 1e6, ended.signal)
    ended.abort()
    await expect(passed).resolves.toBeUndefined()
    await expect(throttle.grant(a, ended.signal)).resolves.toBe(Infinity)
  })

  it('saves up no more than a burst while nothing comes', async () => {
    const throttle = createThrottle()
    throttle.allot(under([[a, lane(1000)]]))
    await vi.advanceTimersByTimeAsync(3600_000)
    const count = flow(throttle, a)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(count.bytes).toBeLessThanOrEqual(10_000 + 1000 + 100)
  })

  it('keeps to the limits of each time, whatever they were and whenever they changed', async () => {
    const step = fc.record({ rate: fc.integer({ min: 100, max: 5000 }), ms: fc.integer({ min: 1, max: 5000 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const ended = new AbortController()
        const throttle = createThrottle()
        throttle.allot(under([[a, lane(steps[0]!.rate)]]))
        const flows = [flow(throttle, a, 64, ended.signal), flow(throttle, a, 32, ended.signal)]
        let allowed = 0
        for (const { rate, ms } of steps) {
          throttle.allot(under([[a, lane(rate)]]))
          await vi.advanceTimersByTimeAsync(ms)
          allowed += (rate * ms) / 1000
        }
        const total = flows[0]!.bytes + flows[1]!.bytes
        ended.abort()
        await vi.advanceTimersByTimeAsync(1)
        const burst = Math.max(...steps.map(({ rate }) => rate)) + 96 * (steps.length + 1)
        expect(total).toBeLessThanOrEqual(allowed + burst)
        expect(total).toBeGreaterThanOrEqual(allowed - burst)
      }),
      { numRuns: 20 },
    )
  })
})
