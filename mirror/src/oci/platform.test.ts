import { describe, expect, it } from 'vitest'
import { bestForPlatform, formatPlatform, parsePlatform, platformDistance, uniquePlatforms } from './platform.ts'

describe('parsePlatform', () => {
  it.each([
    ['linux/amd64', 'linux/amd64'],
    ['Linux/x86_64', 'linux/amd64'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/arm/v6', 'linux/arm/v6'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
  ])('reads %s as %s', (text, canonical) => {
    expect(formatPlatform(parsePlatform(text))).toBe(canonical)
  })

  it.each(['', 'linux', 'linux/', '/amd64', 'linux/arm/v7/x', 'linux/am d64', 'linux/../x'])('refuses %j', (text) => {
    expect(() => parsePlatform(text)).toThrow(/OS\/ARCH/)
  })
})

describe('platformDistance', () => {
  it.each([
    ['linux/amd64', 'linux/amd64', 0],
    ['linux/amd64', 'linux/arm64', undefined],
    ['linux/amd64', 'windows/amd64', undefined],
    ['linux/arm/v7', 'linux/arm/v6', 1],
    ['linux/arm/v6', 'linux/arm/v7', undefined],
    ['linux/amd64/v3', 'linux/amd64', 2],
    ['linux/amd64', 'linux/amd64/v3', undefined],
    ['linux/arm64', 'linux/arm64/v8', 0],
  ])('on %s a binary of %s: %s', (wanted, offered, distance) => {
    expect(platformDistance(parsePlatform(wanted), parsePlatform(offered))).toBe(distance)
  })
})

describe('bestForPlatform', () => {
  it('takes the nearest variant and never an entry without a platform', () => {
    const entries = [
      {},
      ...['linux/arm/v5', 'linux/arm/v6', 'linux/arm64'].map((text) => ({ platform: parsePlatform(text) })),
    ]
    expect(bestForPlatform(entries, parsePlatform('linux/arm/v7'))).toBe(entries[2])
    expect(bestForPlatform(entries, parsePlatform('linux/s390x'))).toBeUndefined()
  })
})

describe('uniquePlatforms', () => {
  it('sorts and leaves out what says the same', () => {
    const platforms = ['linux/arm64/v8', 'linux/amd64', 'linux/aarch64'].map((text) => parsePlatform(text))
    expect(uniquePlatforms(platforms).map((platform) => formatPlatform(platform))).toEqual([
      'linux/amd64',
      'linux/arm64',
    ])
  })
})
