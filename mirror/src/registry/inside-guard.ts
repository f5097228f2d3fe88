import { lookup as lookUp, type LookupAddress } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { callbackify, promisify } from 'node:util'
import { Fault } from '../oci/fault.ts'

/**
 * Keeps who is led elsewhere, by a redirect or to a token server, from being led to machines inside. Gives how the host of a URL is
 * looked up for a connection: then it fails if the host is inside.
 * @throws Fault invalid if it is an address inside
 */
export type InsideGuard = (url: URL) => Promise<LookupFunction | undefined>

/** Addresses that are no host of the internet (RFC 6890 and what was added since). */
const inside = new BlockList()
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  inside.addSubnet(net, prefix, 'ipv4')
}
for (const [net, prefix] of [
  ['::', 127],
  ['64:ff9b:1::', 48],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  inside.addSubnet(net, prefix, 'ipv6')
}

/** Whether an IP address is one of this machine or its surroundings. */
export function isInside(address: string): boolean {
  return inside.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

type LookUpAll = (hostname: string) => Promise<readonly LookupAddress[]>

const lookUpAll: LookUpAll = (hostname) => promisify(lookUp)(hostname, { all: true })

/**
 * Guards the connections to one registry. It may be anywhere itself, as somebody named it; and where it is inside, so may be what
 * it leads to.
 */
export function createInsideGuard(endpoints: readonly URL[], look: LookUpAll = lookUpAll): InsideGuard {
  const own = new Set(endpoints.map(({ hostname }) => hostname))
  let isOwnInside: Promise<boolean> | undefined

  async function findInside(hostnames: readonly string[]): Promise<boolean> {
    const found = await Promise.all(hostnames.map((name) => addressesOf(name, look)))
    return found.flat().some(({ address }) => isInside(address))
  }

  async function refuse(hostname: string, addresses: readonly LookupAddress[]): Promise<void> {
    if (!addresses.some(({ address }) => isInside(address))) return
    isOwnInside ??= findInside([...own])
    if (await isOwnInside) return
    throw new Fault('invalid', `${[...own][0]} leads to ${hostname}, which is an address inside: it is not asked`)
  }

  return async ({ hostname }) => {
    if (own.has(hostname)) return undefined
    if (isIP(bare(hostname)) !== 0) await refuse(hostname, await addressesOf(hostname, look))
    const lookUpOutside = callbackify(async (name: string) => {
      const addresses = await addressesOf(name, look)
      await refuse(hostname, addresses)
      return addresses
    })
    return (name, options, callback) => {
      lookUpOutside(name, (error, addresses) => {
        if (error) return callback(error, '')
        const [first] = addresses
        if (options.all) callback(null, [...addresses])
        else callback(null, first?.address ?? '', first?.family)
      })
    }
  }
}

async function addressesOf(hostname: string, look: LookUpAll): Promise<readonly LookupAddress[]> {
  const address = bare(hostname)
  return isIP(address) === 0 ? await look(hostname) : [{ address, family: isIP(address) }]
}

/** An IPv6 address stands in brackets in a URL. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
