import { expect, it } from 'vitest'
import { restAfter } from './rest-after.ts'

it.each([
  ['at least so long', 3, 20, 20],
  ['as long as it worked', 700, 20, 700],
  ['a few seconds at most', 60_000, 20, 5000],
])('a loop rests %s', (_, worked, least, expected) => {
  expect(restAfter(worked, least)).toBe(expected)
})
