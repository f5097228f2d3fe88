import { describe, expect, it } from 'vitest'
import { parseBenchOptions, UsageError } from './bench-options.ts'

const known = ['copy', 'blobs']

describe('options of the benchmarks', () => {
  it('are all scenarios with rounds of their own unless told otherwise', () => {
    const expected = { isHelp: false, names: [], rounds: undefined, format: 'text', size: 'full' }
    expect(parseBenchOptions([], known)).toEqual(expected)
  })

  it('take names, rounds, a format and a size', () => {
    const options = parseBenchOptions(['blobs', 'blobs', '--rounds', '9', '-o', 'markdown', '--size', 'small'], known)
    expect(options).toEqual({ isHelp: false, names: ['blobs'], rounds: 9, format: 'markdown', size: 'small' })
  })

  it.each([
    [['cpoy'], 'there are copy, blobs'],
    [['--rounds', '0'], 'from 1 on'],
    [['--rounds', '1.5'], 'from 1 on'],
    [['-o', 'yaml'], 'not "yaml"'],
    [['--size', 'huge'], 'not "huge"'],
    [['--fast'], '--fast'],
  ])('refuse %j', (args, message) => {
    expect(() => parseBenchOptions(args, known)).toThrow(UsageError)
    expect(() => parseBenchOptions(args, known)).toThrow(message)
  })
})
