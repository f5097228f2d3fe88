import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { addressBehind, clientAt, connectionAddress } from './client-address.ts'
import { createNetworks, parseNetwork } from './networks.ts'

const from = (remoteAddress: string | undefined, forwarded?: string): IncomingMessage =>
  ({
    socket: { remoteAddress } as Socket,
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as IncomingMessage

describe('the address of a client', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['fd00::1', 'fd00::1'],
    [undefined, ''],
  ])('is that of its connection, whatever it says: %s', (remote, address) => {
    expect(connectionAddress(from(remote, '192.0.2.1'))).toBe(address)
  })

  const behind = addressBehind(createNetworks(['10.0.0.0/8', 'fd00::/8'].map(parseNetwork)))

  it.each([
    ['of no proxy, whatever it says', '192.0.2.9', '192.0.2.1', '192.0.2.9'],
    ['what a proxy says', '10.0.0.1', '192.0.2.1', '192.0.2.1'],
    ['what a proxy says over IPv6', '::ffff:10.0.0.1', '192.0.2.1', '192.0.2.1'],
    ['what the last of several proxies says', '10.0.0.1', '192.0.2.1, 10.0.0.7,10.0.0.2', '192.0.2.1'],
    ['not what the client wrote in front of that', '10.0.0.1', '198.51.100.1, 192.0.2.1', '192.0.2.1'],
    ['not what the client wrote in front of its own', '10.0.0.1', '10.9.9.9, 192.0.2.1', '192.0.2.1'],
    ['of a proxy that names nobody', '10.0.0.1', undefined, '10.0.0.1'],
    ['of a proxy that names what is no address', '10.0.0.1', '192.0.2.1, unknown', '10.0.0.1'],
    ['of a proxy that asks by itself', '10.0.0.1', '10.0.0.5', '10.0.0.5'],
    ['with a port', '10.0.0.1', '192.0.2.1:4711', '192.0.2.1'],
    ['in brackets', 'fd00::1', '[2001:db8::1]:4711', '2001:db8::1'],
    ['of IPv6', 'fd00::1', '2001:db8::1', '2001:db8::1'],
  ])('is behind proxies %s', (_, remote, forwarded, address) => {
    expect(behind(from(remote, forwarded))).toBe(address)
  })
})

describe('what a limit knows a client by', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
  ])('of %s is %s', (address, client) => {
    expect(clientAt(address)).toBe(client)
  })
})
