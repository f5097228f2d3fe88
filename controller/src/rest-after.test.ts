import { expect, it } from 'vitest'
import { restAfter } from './rest-after.ts'

it.each([
  ['at least so long', 3, 0, 20],
  ['several times as long as it looked', 700, 0, 3500],
  ['a few seconds at most', 60_000, 0, 5000],
  ['less for having written', 700, 3000, 500],
  ['at least so long when it has written for long', 700, 9000, 20],
])('a loop rests %s', (_, lookedMs, wroteMs, expected) => {
  expect(restAfter({ lookedMs, wroteMs, leastMs: 20 })).toBe(expected)
})
