import { describe, expect, it } from 'vitest'
import { createNetworks, parseNetwork } from './networks.ts'

describe('networks', () => {
  it.each([
    ['10.1.2.3', true],
    ['11.1.2.3', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['fd00::1', true],
    ['fe80::1', false],
    ['', false],
    ['unknown', false],
  ])('hold %s: %s', (address, expected) => {
    expect(createNetworks(['10.0.0.0/8', '192.0.2.7', 'fd00::/8'].map(parseNetwork))(address)).toBe(expected)
  })

  it('can be all of IPv4', () => {
    const networks = createNetworks([parseNetwork('0.0.0.0/0')])
    expect([networks('192.0.2.1'), networks('fd00::1')]).toEqual([true, false])
  })

  it.each(['', 'all', '10.0.0.0/33', '10.0.0/8', 'fd00::/129', '10.0.0.0/8/8', 'host/8', '10.0.0.0/'])(
    'are not %j',
    (text) => {
      expect(() => parseNetwork(text)).toThrow('write a network as')
    },
  )
})
