import { expect, it } from 'vitest'
import { createStopwatch } from './stopwatch.ts'

it('adds up what work took, also what failed, and begins anew when it was asked', () => {
  let now = 100
  const watch = createStopwatch(() => now)
  const work = (ms: number) => (): number => (now += ms)
  expect(watch.time(work(5))).toBe(105)
  now += 1000
  expect(() =>
    watch.time(() => {
      work(2)()
      throw new Error('broken')
    }),
  ).toThrow('broken')
  expect([watch.take(), watch.take()]).toEqual([7, 0])
})
