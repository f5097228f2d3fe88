import { BlockList, isIP } from 'node:net'
import { Fault } from '../oci/fault.ts'

/** Addresses in CIDR notation, as in `10.0.0.0/8`. */
export interface Network {
  readonly address: string
  readonly bits: number
  readonly family: 'ipv4' | 'ipv6'
}

/** Whether an address is one of those that somebody listed; what is no address is not. */
export type Networks = (address: string) => boolean

/**
 * Reads a network; an address without a length is that one alone.
 * @throws Fault invalid
 */
export function parseNetwork(text: string): Network {
  const [, address = '', digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  const length = version === 4 ? 32 : 128
  const bits = Number(digits ?? length)
  if (version === 0 || bits > length) {
    throw new Fault('invalid', 'write a network as 10.0.0.0/8 or fd00::/8, and 0.0.0.0/0 for every IPv4 address')
  }
  return { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' }
}

export function createNetworks(networks: readonly Network[]): Networks {
  const list = new BlockList()
  for (const { address, bits, family } of networks) list.addSubnet(address, bits, family)
  return (address) => {
    const version = isIP(address)
    return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }
}
