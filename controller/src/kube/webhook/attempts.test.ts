import { Fault, type FaultCode } from '@stowage/mirror/oci/fault'
import { expect, it } from 'vitest'
import { silentLog } from '../../testing/silent-log.ts'
import { createAttempts, type Attempts } from './attempts.ts'

function attemptsAt(time: { now: number }): Attempts {
  return createAttempts({ now: () => time.now, random: () => 1, log: silentLog })
}

const failing = (code: FaultCode) => async (): Promise<number> => {
  throw new Fault(code, 'so it is')
}

it('tries what failed again later and later, and holds up nothing else by that', async () => {
  const time = { now: 0 }
  const attempts = attemptsAt(time)
  const pauses: number[] = []
  for (let turn = 0; turn < 9; turn++) {
    const nextAt = await attempts.try('a', failing('denied'))
    pauses.push(nextAt - time.now)
    expect(await attempts.try('a', async () => Infinity)).toBe(nextAt)
    expect(await attempts.try('b', async () => 7)).toBe(7)
    time.now = nextAt
  }
  expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
  expect(await attempts.try('a', async () => Infinity)).toBe(Infinity)
  expect((await attempts.try('a', failing('denied'))) - time.now).toBe(250)
})

it('looks again at once where somebody was faster', async () => {
  const time = { now: 1000 }
  expect(await attemptsAt(time).try('a', failing('conflict'))).toBe(1050)
})

it('does not take a bug for weather', async () => {
  const attempts = attemptsAt({ now: 0 })
  await expect(attempts.try('a', () => Promise.reject(new TypeError('bug')))).rejects.toThrow('bug')
})
