import { describe, expect, it } from 'vitest'
import { bytesOf, parseDiskShare } from './disk-share.ts'

describe('a part of a disk', () => {
  it.each([
    ['50GiB', 50 * 1024 ** 3],
    ['50Gi', 50 * 1024 ** 3],
    ['1.5TB', 1.5e12],
    ['500M', 5e8],
    ['64KiB', 65_536],
    ['7', 7],
    ['0', 0],
    ['20%', 200],
    ['12.5%', 125],
    ['0%', 0],
  ])('%s of a disk of 1000 bytes is %i', (text, bytes) => {
    expect(bytesOf(parseDiskShare(text), 1000)).toBe(bytes)
  })

  it.each(['', '-1', '101%', '5 GiBs', 'KiB', '1e3', '50gib', '%', 'Infinity', '10000000000000000'])(
    'is not %j',
    (text) => {
      expect(() => parseDiskShare(text)).toThrow(/neither a size nor a part of the disk/)
    },
  )
})
