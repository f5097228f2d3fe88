import { BlockList, isIP } from 'node:net'
import { Fault } from '@stowage/mirror/oci/fault'

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/**
 * Reads `HOST:PORT`, `[IPV6]:PORT`, `:PORT` (all addresses) or `PORT` (loopback). Port 0 is any free one.
 * @throws Fault invalid
 */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]:|([^:]*):)?(\d{1,5})$/.exec(text.trim()) ?? []
  const port = Number(portText)
  const valid = portText !== undefined && port <= 65_535 && (bracketed === undefined || isIP(bracketed) === 6)
  if (!valid) throw new Fault('invalid', `--listen ${text}: write HOST:PORT, such as 127.0.0.1:5080 or :5080`)
  const host = bracketed ?? plain
  if (host === undefined) return { host: '127.0.0.1', port }
  return { host: host === '' ? '::' : host, port }
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  const family = isIP(host)
  return family === 0 ? host === 'localhost' : loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}
