import { describe, expect, it } from 'vitest'
import type { Measured } from '../scenario.ts'
import { advantageOver, median } from './figures.ts'

const measured = (better: Measured['better'], ours: number[], theirs: number[]): Measured => ({
  what: 'a thing',
  unit: 's',
  better,
  figures: new Map([
    ['ours', ours],
    ['theirs', theirs],
  ]),
})

describe('median', () => {
  it.each([
    [[3], 3],
    [[10, 9, 100], 10],
    [[4, 1, 3, 2], 2.5],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected)
  })

  it('does not exist of nothing', () => {
    expect(() => median([])).toThrow('no median')
  })
})

describe('advantage', () => {
  it('is above 1 where more is better and ours is more', () => {
    expect(advantageOver('theirs', measured('more', [4, 6, 8], [2, 2, 2]))).toEqual({ median: 3, least: 2, most: 4 })
  })

  it('is above 1 where less is better and ours is less', () => {
    expect(advantageOver('theirs', measured('less', [2, 2, 2], [4, 6, 8]))).toEqual({ median: 3, least: 2, most: 4 })
  })

  it('compares each round with its own, not one median with the other', () => {
    expect(advantageOver('theirs', measured('more', [1, 10, 100], [1, 20, 100]))?.median).toBe(1)
  })

  it('is nothing of oneself, nor of who was not there', () => {
    expect(advantageOver('ours', measured('more', [1], [1]))).toBeUndefined()
    expect(advantageOver('nobody', measured('more', [1], [1]))).toBeUndefined()
  })
})
