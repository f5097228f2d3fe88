import { expect, it } from 'vitest'
import { parseDuration } from './duration.ts'

it.each([
  ['15m', 900_000],
  ['1h30m', 5_400_000],
  ['500ms', 500],
  ['1.5s', 1500],
  ['0s', 0],
  ['0', 0],
])('reads %s', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

it.each(['', 'x', '5', '5 m', '1h-3m', '10d'])('refuses %j', (text) => {
  expect(() => parseDuration(text)).toThrow(/duration/)
})
