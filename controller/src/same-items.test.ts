import { expect, it } from 'vitest'
import { sameItems } from './same-items.ts'

const [a, b] = [{}, {}]

it.each<[string, object[], object[], boolean]>([
  ['nothing', [], [], true],
  ['the same things', [a, b], [a, b], true],
  ['things that look alike', [a], [b], false],
  ['another order', [a, b], [b, a], false],
  ['fewer', [a, b], [a], false],
  ['more', [a], [a, b], false],
])('knows %s', (_, some, others, expected) => {
  expect(sameItems(some, others)).toBe(expected)
})
