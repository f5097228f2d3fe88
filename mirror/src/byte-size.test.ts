import { expect, it } from 'vitest'
import { parseByteSize } from './byte-size.ts'

it.each([
  ['1', 1],
  ['500Mi', 500 * 1024 ** 2],
  ['2.5G', 2_500_000_000],
  [' 1TiB ', 1024 ** 4],
  ['8k', 8000],
])('%j is so many bytes', (text, bytes) => {
  expect(parseByteSize(text)).toBe(bytes)
})

it.each(['', '0', '-1', '1e9', 'Gi', '5 Gi', '1.2345G', '9999999T', '5gi'])('%j is not a size', (text) => {
  expect(() => parseByteSize(text)).toThrow('is not a size; write bytes as')
})
