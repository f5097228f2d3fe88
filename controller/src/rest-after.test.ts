import { expect, it } from 'vitest'
import { restAfter } from './rest-after.ts'

it.each([
  ['at least so long', 1, 0, 20],
  ['many times as long as it looked', 200, 0, 3000],
  ['a few seconds at most', 60_000, 0, 10_000],
  ['less for having written', 200, 2500, 500],
  ['at least so long when it has written for long', 200, 9000, 20],
])('a loop rests %s', (_, lookedMs, wroteMs, expected) => {
  expect(restAfter({ lookedMs, wroteMs, leastMs: 20 })).toBe(expected)
})
