import { expect, it } from 'vitest'
import { createPullBudget, readLimit } from './pull-budget.ts'

it.each<[unknown, unknown]>([
  ['76;w=21600', { count: 76, windowMs: 21_600_000 }],
  ['0;w=60', { count: 0, windowMs: 60_000 }],
  [' 5 ', { count: 5, windowMs: undefined }],
  ['many', undefined],
  ['-3', undefined],
  [['1', '2'], undefined],
  [undefined, undefined],
])('reads %j', (header, expected) => {
  expect(readLimit(header)).toEqual(expected)
})

it('keeps a tenth for what is not known yet, until a new window', () => {
  let now = 0
  const budget = createPullBudget(() => now)
  const say = (remaining: number) =>
    budget.note({ 'ratelimit-limit': '100;w=60', 'ratelimit-remaining': `${remaining};w=60` })
  expect(budget.allowsRefresh()).toBe(true)
  say(11)
  expect(budget.allowsRefresh()).toBe(true)
  say(10)
  budget.note({})
  expect(budget.allowsRefresh()).toBe(false)
  now = 60_000
  expect(budget.allowsRefresh()).toBe(true)
})
