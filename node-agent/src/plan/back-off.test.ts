import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fault, type FaultCode } from '@stowage/mirror/oci/fault'
import type { Attempt } from '../state/attempts.ts'
import { backOff, dueInMs } from './back-off.ts'

const codes: FaultCode[] = ['invalid', 'not-found', 'denied', 'unavailable', 'corrupt', 'no-space', 'conflict']

function failures(code: FaultCode, count: number, random: () => number): Attempt[] {
  const attempts: Attempt[] = []
  for (let i = 0; i < count; i++) {
    attempts.push(backOff('image', new Fault(code, 'no'), { previous: attempts.at(-1), now: 0, random }))
  }
  return attempts
}

describe('the pause after a failure', () => {
  it('is short at first where the link is to blame, and never above five minutes', () => {
    const attempts = failures('unavailable', 30, () => 1)
    expect(attempts[0]?.delayMs).toBeLessThanOrEqual(1500)
    expect(attempts.at(-1)?.delayMs).toBe(5 * 60_000)
    expect(attempts.at(-1)?.tries).toBe(30)
  })

  it.each(codes)('has bounds and an end after "%s", whatever the dice say', (code) => {
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        fc.integer({ min: 1, max: 40 }),
        (dice, n) => {
          const delays = failures(code, n, () => dice.next().value ?? 0).map(({ delayMs }) => delayMs)
          expect(Math.min(...delays)).toBeGreaterThanOrEqual(500)
          expect(Math.max(...delays)).toBeLessThanOrEqual(360 * 60_000)
        },
      ),
    )
  })

  it('is as long as the other side asked for, up to an hour', () => {
    const asked = (retryAfterMs: number): number =>
      backOff('image', new Fault('unavailable', 'busy', { retryAfterMs }), { now: 0, random: () => 0 }).delayMs
    expect(asked(90_000)).toBe(90_000)
    expect(asked(1e12)).toBe(3_600_000)
  })
})

describe('the time until the next try', () => {
  it.each([
    ['is what is left of the pause', { retryAt: 1500, delayMs: 1000 }, 1000, 500],
    ['is nothing once it is over', { retryAt: 1500, delayMs: 1000 }, 9000, 0],
    ['is nothing when the clock was set back by years', { retryAt: 1e12, delayMs: 1000 }, 0, 0],
  ])('%s', (_, attempt, now, expected) => {
    expect(dueInMs(attempt, now)).toBe(expected)
  })
})
