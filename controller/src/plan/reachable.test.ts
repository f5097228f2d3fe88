import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { NodeRecord } from '../memory/node-record.ts'
import { aRecord, aReport } from '../testing/world.ts'
import { heardBy, isReachable, neverAway, type Listening } from './reachable.ts'

const minute = 60_000
const graceMs = 30_000

/** A node that was heard of at 0 and announced a contact within a minute. */
const record = (more: Partial<NodeRecord> = {}, nextContactInMs = minute): NodeRecord => ({
  ...aRecord(aReport('n', { nextContactInMs })),
  ...more,
})
const isOnline = (of: NodeRecord, listening: Listening, now: number): boolean =>
  isReachable(heardBy(of, listening), now)

describe('a node', () => {
  it.each<[string, NodeRecord, number, number, boolean]>([
    ['is there until its promise is broken', record(), -1, minute, true],
    ['is offline after that', record(), -1, minute + 1, false],
    ['could not keep a promise of the time when the centre was away', record(), 10 * minute, 10 * minute, true],
    ['has its announced time and the grace to find the centre', record(), 10 * minute, 11.5 * minute, true],
    ['is offline after those', record(), 10 * minute, 11.5 * minute + 1, false],
    ['keeps a promise that is longer than that', record({}, 60 * minute), 10 * minute, 60 * minute, true],
    [
      'that comes seldom has no longer than it takes to try again',
      record({}, 600 * minute),
      601 * minute,
      611.5 * minute,
      true,
    ],
    ['that comes seldom is offline then', record({}, 600 * minute), 601 * minute, 611.5 * minute + 1, false],
    ['that was offline before stays so', record({ isOverdue: true }), 10 * minute, 10 * minute, false],
    ['that was offline stays so with a clock that was set back', record({ isOverdue: true }), 10 * minute, 0, false],
  ])('%s', (_, of, since, now, expected) => {
    expect(isOnline(of, { since, graceMs }, now)).toBe(expected)
  })

  it('that was never heard of is not there', () => {
    expect(isReachable(undefined, 0)).toBe(false)
  })
})

describe('a centre that starts anew', () => {
  const time = fc.integer({ min: 0, max: 100 * minute })
  const period = fc.integer({ min: 1, max: 60 * minute })

  it('says of every node what it said before it was killed', () => {
    fc.assert(
      fc.property(period, time, time, fc.boolean(), (nextContactInMs, killedAt, awayMs, wasAway) => {
        const before: Listening = wasAway ? { since: 1, graceMs } : neverAway
        const said = isOnline(record({}, nextContactInMs), before, killedAt)
        // What it concluded from silence it wrote down.
        const left = record({ isOverdue: !said }, nextContactInMs)
        const since = killedAt + awayMs
        expect(isOnline(left, { since, graceMs }, since)).toBe(said)
      }),
    )
  })

  it('calls nobody offline who comes within the announced time', () => {
    fc.assert(
      fc.property(period, time, fc.nat(), (nextContactInMs, since, comesIn) => {
        const within = Math.min(nextContactInMs, 10 * minute)
        const at = since + (comesIn % (within + 1))
        expect(isOnline(record({}, nextContactInMs), { since, graceMs }, at)).toBe(true)
      }),
    )
  })

  it('calls whoever went away in between offline after the announced time and the grace, and for good', () => {
    fc.assert(
      fc.property(period, time, time, (nextContactInMs, since, later) => {
        const at = Math.max(since + graceMs, 0) + nextContactInMs + 1 + later
        expect(isOnline(record({}, nextContactInMs), { since, graceMs }, at)).toBe(false)
      }),
    )
  })
})
