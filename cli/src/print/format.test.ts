import { describe, expect, it } from 'vitest'
import { formatBytes, formatDuration, formatPercent, formatRate } from './format.ts'

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [99_940, '99.9 kB'],
    [99_960, '100 kB'],
    [123_456_789, '123 MB'],
    [5e15, '5000 TB'],
  ])('writes %i as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})

describe('formatDuration', () => {
  it.each([
    [-5, '0s'],
    [119_000, '119s'],
    [190_000, '3m10s'],
    [600_000, '10m'],
    [5 * 3600_000 + 12 * 60_000, '5h12m'],
    [47 * 3600_000, '47h'],
    [96 * 3600_000, '4d'],
  ])('writes %i ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

describe('formatPercent', () => {
  it.each([
    [0, 0, '100%'],
    [999, 1000, '99%'],
    [1000, 1000, '100%'],
  ])('writes %i of %i as %s', (done, total, text) => {
    expect(formatPercent(done, total)).toBe(text)
  })
})

describe('formatRate', () => {
  it('adds the second', () => {
    expect(formatRate(2_500_000)).toBe('2.5 MB/s')
  })
})
