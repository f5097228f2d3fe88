import { BlockList, isIP } from 'node:net'
import type { IncomingMessage } from 'node:http'
import { Fault } from '../oci/fault.ts'

/** Whether who sends a request can reach the service that keeps the bytes of blobs, and may be sent there. */
export type Redirects = (request: Pick<IncomingMessage, 'socket'>) => boolean

/** Addresses in CIDR notation, as in `10.0.0.0/8`. */
export interface Network {
  readonly address: string
  readonly bits: number
  readonly family: 'ipv4' | 'ipv6'
}

/** @throws Fault invalid */
export function parseNetwork(text: string): Network {
  const [, address = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? []
  const version = isIP(address)
  const bits = Number(digits)
  if (version === 0 || bits > (version === 4 ? 32 : 128)) {
    throw new Fault('invalid', 'write a network as 10.0.0.0/8 or fd00::/8, and 0.0.0.0/0 for every IPv4 address')
  }
  return { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' }
}

/** Sends clients of these networks on, by the address that their connection comes from. */
export function createRedirects(networks: readonly Network[]): Redirects {
  const list = new BlockList()
  for (const { address, bits, family } of networks) list.addSubnet(address, bits, family)
  return ({ socket: { remoteAddress = '' } }) => {
    const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, '')
    const version = isIP(address)
    return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }
}
