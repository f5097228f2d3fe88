import { expect, it } from 'vitest'
import { parseLabel } from './label.ts'

it.each([
  ['tier=till', ['tier', 'till']],
  ['example.com/tier=a.b_c-1', ['example.com/tier', 'a.b_c-1']],
  ['empty=', ['empty', '']],
])('reads %s', (text, label) => {
  expect(parseLabel(text)).toEqual(label)
})

it.each(['', 'tier', '=x', 'a b=c', 'a=b c', '-a=b', 'a=b-', `a=${'x'.repeat(64)}`])('refuses %j', (text) => {
  expect(() => parseLabel(text)).toThrow(/KEY=VALUE/)
})
