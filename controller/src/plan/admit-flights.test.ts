import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { listedImage } from '../api/image-list.ts'
import { admitFlights } from './admit-flights.ts'
import type { Want } from './plan-wants.ts'

const way = { platforms: [], secrets: [], refreshSince: 0, refreshMs: Infinity, isOnce: false, isSuspended: false }
const want = (name: string): Want => ({ ...listedImage(name), ...way })
const registryOf = (name: string): string => name.split('/')[0]!

function admitted(due: readonly string[], inFlight: readonly string[], most = 2): string[] {
  return admitFlights({ due: due.map(want), inFlight, most }).map(({ name }) => name)
}

describe('images that are due', () => {
  it.each<[string, due: string[], inFlight: string[], admitted: string[]]>([
    [
      'begin in their order, as many as there is room for',
      ['a.io/1:1', 'a.io/2:1', 'a.io/3:1'],
      [],
      ['a.io/1:1', 'a.io/2:1'],
    ],
    ['wait while as many of their registry are under way', ['a.io/3:1'], ['a.io/1:1', 'a.io/2:1'], []],
    [
      'begin beside those of a registry that takes all the room',
      ['a.io/3:1', 'b.io/1:1'],
      ['a.io/1:1', 'a.io/2:1'],
      ['b.io/1:1'],
    ],
    ['begin one at a time there', ['b.io/1:1', 'b.io/2:1'], ['a.io/1:1', 'a.io/2:1'], ['b.io/1:1']],
    ['wait when many registries are at it', ['e.io/1:1'], ['a.io/1:1', 'b.io/1:1', 'c.io/1:1', 'd.io/1:1'], []],
  ])('%s', (_, due, inFlight, expected) => {
    expect(admitted(due, inFlight)).toEqual(expected)
  })

  it('are never more than twice as many as may be, and leave no room to a single registry', () => {
    const name = fc
      .tuple(fc.constantFrom('a.io', 'b.io', 'c.io'), fc.nat({ max: 20 }))
      .map(([host, n]) => `${host}/x:${n}`)
    const names = fc.uniqueArray(name, { maxLength: 20 })
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 6 }), (due, most) => {
        const begun = admitted(due, [], most)
        expect(begun.length).toBeLessThanOrEqual(2 * most)
        expect(begun.length).toBeGreaterThanOrEqual(Math.min(due.length, most))
        const left = due.filter((one) => !begun.includes(one)).map(registryOf)
        if (begun.length < 2 * most) expect(left.every((host) => begun.map(registryOf).includes(host))).toBe(true)
      }),
    )
  })
})
