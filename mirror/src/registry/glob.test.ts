import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { globMatches } from './glob.ts'

describe('globMatches', () => {
  it.each([
    ['abc', 'abc', true],
    ['abc', 'abcd', false],
    ['', '', true],
    ['*', '', true],
    ['*', 'anything', true],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbbd', false],
    ['*a*b', 'xaxxb', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[ab]x', 'bx', true],
    ['[^ab]x', 'bx', false],
    ['[^ab]x', 'cx', true],
    ['[a-c]', 'b', true],
    ['[a-c]', 'd', false],
    ['[z-a]', 'm', false],
    ['[a', 'a', false],
    ['[]', 'a', false],
    ['[-]', '-', false],
    [String.raw`\*`, '*', true],
    [String.raw`\*`, 'a', false],
    [String.raw`[\]]`, ']', true],
    ['a.c', 'abc', false],
    ['\\', '\\', false],
  ])('%j against %j: %j', (pattern, text, expected) => {
    expect(globMatches(pattern, text)).toBe(expected)
  })

  it('takes a hostile pattern in its stride', () => {
    expect(globMatches('*a'.repeat(200) + 'b', 'a'.repeat(5000))).toBe(false)
  })

  it('knows every text as a pattern of itself once the special characters are escaped', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(globMatches(text.replaceAll(/[*?[\\]/g, String.raw`\$&`), text)).toBe(true)
      }),
    )
  })
})
