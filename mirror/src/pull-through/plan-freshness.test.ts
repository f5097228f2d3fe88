import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { planTag, type Freshness, type TagFacts } from './plan-freshness.ts'

const minutes = { maxAgeMs: 300, staleMs: 1000 }
const known: Omit<TagFacts, 'freshness'> = { isKnown: true, ageMs: 100, isAway: false }

it.each<[string, Freshness, Partial<TagFacts>, string]>([
  ['pinned', 'pinned', { ageMs: undefined }, 'answer'],
  ['never seen', 'pinned', { isKnown: false }, 'check-first'],
  ['never seen, upstream away', minutes, { isKnown: false, isAway: true }, 'check-first'],
  ['always', 'always', { ageMs: 0 }, 'check-first'],
  ['always, upstream away', 'always', { isAway: true }, 'answer-and-check'],
  ['fresh', minutes, {}, 'answer'],
  ['fresh, upstream away', minutes, { isAway: true }, 'answer'],
  ['stale', minutes, { ageMs: 300 }, 'answer-and-check'],
  ['too stale', minutes, { ageMs: 1300 }, 'check-first'],
  ['too stale, upstream away', minutes, { ageMs: 1300, isAway: true }, 'answer-and-check'],
  ['not asked since the start', minutes, { ageMs: undefined }, 'check-first'],
  ['never too stale', { maxAgeMs: 1, staleMs: Infinity }, { ageMs: undefined }, 'answer-and-check'],
])('a tag that is %s', (_, freshness, facts, step) => {
  expect(planTag({ ...known, freshness, ...facts })).toBe(step)
})

it('lets nobody wait for an upstream that is away if the tag is known', () => {
  const freshness = fc.oneof(
    fc.constantFrom<Freshness>('pinned', 'always'),
    fc.record({ maxAgeMs: fc.nat(), staleMs: fc.oneof(fc.nat(), fc.constant(Infinity)) }),
  )
  const ageMs = fc.option(fc.nat(), { nil: undefined })
  fc.assert(
    fc.property(freshness, ageMs, (one, age) => {
      expect(planTag({ freshness: one, ageMs: age, isKnown: true, isAway: true })).not.toBe('check-first')
    }),
  )
})
