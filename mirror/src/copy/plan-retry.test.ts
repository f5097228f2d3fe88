import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fault, type FaultCode } from '../oci/fault.ts'
import { defaultPace, noTries, planRetry, type Tries } from './plan-retry.ts'

const fault = (code: FaultCode, retryAfterMs?: number) =>
  new Fault(code, 'it did not work', retryAfterMs === undefined ? {} : { retryAfterMs })
const pace = defaultPace

/** All pauses until it gives up, or the first hundred. */
function pausesOf(failure: Fault, input: { random: number; progressed?: boolean }): number[] {
  const pauses: number[] = []
  for (let tries: Tries | undefined = noTries; pauses.length < 100;) {
    tries = planRetry(failure, tries, { pace, progressed: false, ...input })
    if (!tries) break
    pauses.push(tries.delayMs)
  }
  return pauses
}

describe('planRetry', () => {
  it('waits longer each time and gives up', () => {
    expect(pausesOf(fault('unavailable'), { random: 1 })).toEqual([750, 2250, 6750, 10_000])
    expect(pausesOf(fault('unavailable'), { random: 0 })).toEqual([250, 250, 250, 250])
  })

  it('never gives up as long as something comes', () => {
    expect(pausesOf(fault('unavailable'), { random: 1, progressed: true })).toEqual(Array(100).fill(750))
  })

  it('tries wrong bytes once again, however many of them came', () => {
    expect(pausesOf(fault('corrupt'), { random: 0 })).toHaveLength(1)
    const after = planRetry(fault('corrupt'), noTries, { pace, random: 0, progressed: true })
    expect(after && planRetry(fault('corrupt'), after, { pace, random: 0, progressed: true })).toBeUndefined()
  })

  it.each<FaultCode>(['invalid', 'not-found', 'denied', 'no-space', 'conflict'])('does not try %s again', (code) => {
    expect(pausesOf(fault(code), { random: 0 })).toEqual([])
  })

  it('waits as long as the other side asks for, and leaves long waits to others', () => {
    expect(pausesOf(fault('unavailable', 9000), { random: 0 })).toEqual([9000, 9000, 9000, 9000])
    expect(pausesOf(fault('unavailable', 10_001), { random: 0 })).toEqual([])
  })

  it('keeps every pause between the base and the cap', () => {
    const random = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(random, fc.nat(20_000), (chance, delayMs) => {
        const next = planRetry(
          fault('unavailable'),
          { ...noTries, delayMs },
          { pace, random: chance, progressed: false },
        )
        expect(next?.delayMs).toBeGreaterThanOrEqual(pace.baseMs)
        expect(next?.delayMs).toBeLessThanOrEqual(pace.capMs)
      }),
    )
  })
})
