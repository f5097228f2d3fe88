import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSteadyClock } from './steady-clock.ts'

const hourMs = 3600_000

/** A machine whose clock of all time is coarse. */
function createMachine() {
  let [awake, all] = [5000, 90_000]
  const steady = createSteadyClock({ awakeNow: () => awake, uptimeNow: () => Math.floor(all / 10) * 10 })
  return {
    steady,
    work: (ms: number) => {
      awake += ms
      all += ms
    },
    sleep: (ms: number) => {
      all += ms
    },
  }
}

describe('a steady clock', () => {
  it('counts work as it is, and sleep to the second', () => {
    const { steady, work, sleep } = createMachine()
    const start = steady()
    work(0.25)
    expect(steady() - start).toBe(0.25)
    for (let night = 1; night <= 3; night++) {
      work(16 * hourMs)
      sleep(8 * hourMs)
      const error = steady() - start - night * 24 * hourMs
      expect(Math.abs(error)).toBeLessThanOrEqual(1000)
    }
  })

  it('never goes back', () => {
    const step = fc.tuple(
      fc.constantFrom('work' as const, 'sleep' as const),
      fc.double({ min: 0, max: 5000, noNaN: true }),
    )
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const machine = createMachine()
        let last = machine.steady()
        for (const [what, ms] of steps) {
          machine[what](ms)
          const next = machine.steady()
          expect(next).toBeGreaterThanOrEqual(last)
          last = next
        }
      }),
    )
  })

  it('is one of this machine', () => {
    const steady = createSteadyClock()
    const before = steady()
    expect(steady()).toBeGreaterThanOrEqual(before)
  })
})
