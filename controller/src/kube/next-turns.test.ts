import { describe, expect, it } from 'vitest'
import { nextTurns } from './next-turns.ts'

const all = ['c', 'a', 'd', 'b'].map((name) => ({ name }))
const turnsAfter = (after: string | undefined, most: number): [string, boolean] => {
  const { turns, isMore } = nextTurns(all, { after, most })
  return [turns.map(({ name }) => name).join(''), isMore]
}

describe('turns', () => {
  it.each<[string | undefined, number, string, boolean]>([
    [undefined, 4, 'cadb', false],
    [undefined, 3, 'abc', true],
    ['b', 3, 'cda', true],
    ['d', 2, 'ab', true],
    ['bb', 2, 'cd', true],
  ])('after %s, %i at a time, are %s', (after, most, names, isMore) => {
    expect(turnsAfter(after, most)).toEqual([names, isMore])
  })
})
