import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../link/seeded-random.ts'
import { createWire, type Wire, type WireShape } from './wire.ts'

const noLimits: WireShape = { bitsPerSecond: null, delayMs: 0, jitterMs: 0, lossPercent: 0, queueBytes: 256_000 }

interface Bench {
  readonly wire: Wire
  /** What came, and when. */
  readonly arrivals: { readonly packet: Buffer; readonly atMs: number }[]
  readonly lost: Buffer[]
  readonly dropped: Buffer[]
  /** Goes on from one event to the next. */
  runUntil(ms: number): void
}

function wireWith(shape: Partial<WireShape>, seed = 1): Bench {
  let now = 0
  const [arrivals, lost, dropped]: [Bench['arrivals'], Buffer[], Buffer[]] = [[], [], []]
  const wire = createWire({
    shape: { ...noLimits, ...shape },
    random: seededRandom(seed),
    onArrival: (packet) => arrivals.push({ packet, atMs: now }),
    onLoss: (packet) => lost.push(packet),
    onDrop: (packet) => dropped.push(packet),
  })
  function runUntil(ms: number): void {
    for (let due = wire.dueAtMs(); due !== undefined && due <= ms; due = wire.dueAtMs()) {
      now = Math.max(now, due)
      wire.advance(now)
    }
    now = ms
  }
  return { wire, arrivals, lost, dropped, runUntil }
}

const times = ({ arrivals }: Bench): number[] => arrivals.map(({ atMs }) => atMs)

describe('a wire', () => {
  it('without limits hands on at once', () => {
    const bench = wireWith({})
    bench.wire.send(Buffer.alloc(1500), 0)
    expect([times(bench), bench.wire.dueAtMs()]).toEqual([[0], undefined])
  })

  it('takes one packet after the other, at its rate, and then as long as its delay', () => {
    const bench = wireWith({ bitsPerSecond: 8000, delayMs: 50 })
    for (const size of [100, 200, 100]) bench.wire.send(Buffer.alloc(size), 0)
    bench.runUntil(10_000)
    expect(times(bench)).toEqual([150, 350, 450])
    bench.wire.send(Buffer.alloc(100), 10_000)
    bench.runUntil(20_000)
    expect(times(bench).at(-1)).toBe(10_150)
  })

  it('loses no time when it is looked at late', () => {
    const bench = wireWith({ bitsPerSecond: 8000 })
    for (let sent = 0; sent < 10; sent += 1) bench.wire.send(Buffer.alloc(100), 0)
    bench.wire.advance(1000)
    expect(bench.arrivals).toHaveLength(10)
  })

  it('drops what finds the queue full', () => {
    const bench = wireWith({ bitsPerSecond: 8000, queueBytes: 250 })
    for (let sent = 0; sent < 5; sent += 1) bench.wire.send(Buffer.alloc(100), 0)
    bench.runUntil(10_000)
    expect([bench.arrivals.length, bench.dropped.length]).toEqual([3, 2]) // One on the line and two that wait.
  })

  it('never delivers faster than its rate, before its delay, or out of order', () => {
    const shape = fc.record({
      bitsPerSecond: fc.integer({ min: 1000, max: 1_000_000 }),
      delayMs: fc.nat(200),
      jitterMs: fc.nat(100),
      lossPercent: fc.nat(50),
      queueBytes: fc.integer({ min: 2000, max: 100_000 }),
    })
    const sends = fc.array(fc.record({ size: fc.integer({ min: 40, max: 1500 }), afterMs: fc.nat(20) }), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(shape, sends, fc.nat(), (chosen, sent, seed) => {
        const bench = wireWith(chosen, seed)
        const sentAt = new Map<Buffer, number>()
        let now = 0
        for (const { size, afterMs } of sent) {
          now += afterMs
          bench.runUntil(now)
          const packet = Buffer.alloc(size)
          sentAt.set(packet, now)
          bench.wire.send(packet, now)
        }
        bench.runUntil(1e9)
        expect(bench.arrivals.length + bench.lost.length + bench.dropped.length).toBe(sent.length)
        const arrived = bench.arrivals.map(({ packet }) => packet)
        expect([...sentAt.keys()].filter((packet) => arrived.includes(packet))).toEqual(arrived)
        let bits = 0
        for (const { packet, atMs } of bench.arrivals) {
          bits += packet.length * 8
          expect(atMs - sentAt.get(packet)!).toBeGreaterThanOrEqual(chosen.delayMs)
          expect(atMs).toBeGreaterThanOrEqual((bits / chosen.bitsPerSecond) * 1000 + chosen.delayMs - 1e-6)
        }
      }),
    )
  })

  it('loses about as many as it was told to, the same ones with the same seed', () => {
    const lostWith = (seed: number): number[] => {
      const bench = wireWith({ lossPercent: 5 }, seed)
      for (let sent = 0; sent < 10_000; sent += 1) bench.wire.send(Buffer.alloc(40, sent), sent)
      return bench.lost.map((packet) => packet[0]!)
    }
    expect(lostWith(1).length).toBeGreaterThan(400)
    expect(lostWith(1).length).toBeLessThan(600)
    expect(lostWith(1)).toEqual(lostWith(1))
    expect(lostWith(1)).not.toEqual(lostWith(2))
  })

  it('takes a new shape for what waits already', () => {
    const bench = wireWith({ bitsPerSecond: 8 })
    for (let sent = 0; sent < 3; sent += 1) bench.wire.send(Buffer.alloc(1), 0)
    bench.wire.shape({ ...noLimits, bitsPerSecond: 8000 })
    bench.runUntil(10_000)
    expect(times(bench)).toEqual([1000, 1001, 1002])
  })

  it('is empty when it was cleared, and its line free', () => {
    const bench = wireWith({ bitsPerSecond: 80, delayMs: 1000 })
    for (let sent = 0; sent < 3; sent += 1) bench.wire.send(Buffer.alloc(100), 0)
    expect(bench.wire.clear()).toHaveLength(3)
    expect(bench.wire.dueAtMs()).toBeUndefined()
    bench.wire.send(Buffer.alloc(1), 500)
    bench.runUntil(10_000)
    expect(times(bench)).toEqual([1600])
  })
})
