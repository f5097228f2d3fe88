import { expect, it } from 'vitest'
import { Fault } from '../oci/fault.ts'
import { createPause, pauseAfter } from './pause.ts'

const silent = new Fault('unavailable', 'no answer')
const status = (code: number, retryAfterMs?: number) =>
  new Fault('unavailable', 'no', { details: { status: code }, ...(retryAfterMs !== undefined && { retryAfterMs }) })

it.each<[string, Fault, number, number]>([
  ['the first time', silent, 0, 500],
  ['longer each time', silent, 3, 4000],
  ['not longer than it takes to notice a link that is back', silent, 60, 15_000],
  ['as long as it asks for', status(429, 90_000), 0, 90_000],
  ['for a minute when it has too many requests', status(429), 0, 60_000],
])('leaves an upstream alone %s', (_, fault, failures, expected) => {
  expect(pauseAfter(fault, failures, 1)).toBe(expected)
})

function clocked() {
  let time = 0
  const pause = createPause({ upstream: 'reg.example', now: () => time, random: () => 1 })
  return { pause, wait: (ms: number) => void (time += ms) }
}

it('asks again after the pause, and at once after an answer', () => {
  const { pause, wait } = clocked()
  pause.note(silent)
  expect(() => pause.check()).toThrow(/reg\.example does not answer/)
  wait(500)
  pause.check()
  expect(pause.isAway).toBe(true)
  pause.note(silent)
  wait(999)
  expect(() => pause.check()).toThrow(/asked not to be asked/)
  pause.note(undefined)
  pause.check()
  expect(pause.isAway).toBe(false)
})

it('takes many that fail together for one failure', () => {
  const { pause, wait } = clocked()
  for (let count = 0; count < 50; count++) pause.note(silent)
  wait(500)
  pause.check()
})

it.each([
  ['that something is not there', new Fault('not-found', 'no')],
  ['that it denies something', new Fault('denied', 'no')],
  ['that one thing in it is broken', status(500)],
])('takes the answer %s for an answer', (_, fault) => {
  const { pause } = clocked()
  pause.note(fault)
  pause.check()
  expect(pause.isAway).toBe(false)
})

it('knows that an upstream is away while nobody has heard of it', () => {
  const { pause } = clocked()
  pause.overdue()
  expect(pause.isAway).toBe(true)
  pause.check()
  pause.note(undefined)
  expect(pause.isAway).toBe(false)
})
