import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createRedirects, parseNetwork } from './redirects.ts'

const from = (remoteAddress: string | undefined) => ({ socket: { remoteAddress } as Socket })

describe('clients that are sent on', () => {
  it.each([
    ['10.1.2.3', true],
    ['::ffff:10.1.2.3', true],
    ['11.1.2.3', false],
    ['fd00::1', true],
    ['fe80::1', false],
    [undefined, false],
  ])('are those of the networks: %s %s', (address, expected) => {
    const redirects = createRedirects(['10.0.0.0/8', 'fd00::/8'].map(parseNetwork))
    expect(redirects(from(address))).toBe(expected)
  })

  it('are all of IPv4, if that is asked for', () => {
    const redirects = createRedirects([parseNetwork('0.0.0.0/0')])
    expect([redirects(from('192.0.2.1')), redirects(from('fd00::1'))]).toEqual([true, false])
  })

  it.each(['', 'all', '10.0.0.0', '10.0.0.0/33', '10.0.0/8', 'fd00::/129', '10.0.0.0/8/8', 'host/8'])(
    'are not of %j',
    (text) => {
      expect(() => parseNetwork(text)).toThrow('write a network as')
    },
  )
})
