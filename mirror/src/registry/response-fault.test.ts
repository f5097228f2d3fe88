import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOfStatus, retryAfterOf } from './response-fault.ts'

describe('retryAfterOf', () => {
  const now = Date.parse('2026-11-22T12:00:00Z')
  it.each<[string, Record<string, string>, number | undefined]>([
    ['nothing', {}, undefined],
    ['seconds', { 'retry-after': '120' }, 120_000],
    ['no time at all', { 'retry-after': '0' }, 0],
    ['a date', { 'retry-after': 'Sun, 22 Nov 2026 12:00:30 GMT' }, 30_000],
    ['a date in the past', { 'retry-after': 'Sun, 22 Nov 2026 11:00:00 GMT' }, 0],
    [
      'a date by a clock that goes wrong',
      { 'retry-after': 'Thu, 01 Jan 1970 00:01:00 GMT', date: 'Thu, 01 Jan 1970 00:00:00 GMT' },
      60_000,
    ],
    ['more than a day', { 'retry-after': '99999999' }, 24 * 60 * 60 * 1000],
    ['nonsense', { 'retry-after': 'soon' }, undefined],
    ['a negative number', { 'retry-after': '-5x' }, undefined],
  ])('reads %s', (_, headers, expected) => {
    expect(retryAfterOf(headers, now)).toBe(expected)
  })

  it('asks to wait a day at most, whatever it reads', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.nat().map(String)), (text) => {
        const ms = retryAfterOf({ 'retry-after': text }, now) ?? 0
        expect(ms).toBeGreaterThanOrEqual(0)
        expect(ms).toBeLessThanOrEqual(24 * 60 * 60 * 1000)
      }),
    )
  })
})

describe('codeOfStatus', () => {
  it.each([
    [400, 'invalid'],
    [401, 'denied'],
    [403, 'denied'],
    [404, 'not-found'],
    [405, 'invalid'],
    [408, 'unavailable'],
    [410, 'not-found'],
    [416, 'corrupt'],
    [429, 'unavailable'],
    [500, 'unavailable'],
    [504, 'unavailable'],
  ])('%i is %s', (status, code) => {
    expect(codeOfStatus(status)).toBe(code)
  })
})
