import { expect, it } from 'vitest'
import { isLookDue, type LookFacts } from './is-look-due.ts'

const minute = 60_000
const calm: LookFacts = {
  sinceLookMs: minute,
  pulledBytes: 50,
  cameBytes: 0,
  budgetBytes: 100,
  shortBytes: 0,
  isUnsettled: false,
}

it.each<[string, Partial<LookFacts>, boolean]>([
  ['is not due as long as nothing happens', {}, false],
  ['is due at the beginning', { sinceLookMs: undefined }, true],
  ['is due each hour', { sinceLookMs: 60 * minute }, true],
  ['is not due for what still fits', { cameBytes: 50 }, false],
  ['is due when the budget may be exceeded', { cameBytes: 51 }, true],
  ['is not due for a budget that is exceeded while nothing comes', { pulledBytes: 200 }, false],
  ['is due when the disk gets full', { shortBytes: 1 }, true],
  ['is not made again and again where it came to nothing', { shortBytes: 1, cameBytes: 100, isUnsettled: true }, false],
  ['is made again after a while where it came to nothing', { sinceLookMs: 5 * minute, isUnsettled: true }, true],
])('a look %s', (_, facts, isDue) => {
  expect(isLookDue({ ...calm, ...facts })).toBe(isDue)
})
