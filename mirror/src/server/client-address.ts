import type { IncomingMessage } from 'node:http'
import { isIPv4, isIPv6 } from 'node:net'
import type { Networks } from './networks.ts'

/** The address that a request comes from, as far as it can be known. */
export type AddressOf = (request: Pick<IncomingMessage, 'socket' | 'headers'>) => string

/** Where the connection comes from; of IPv4 as such, also where it comes over IPv6. */
export function connectionAddress({ socket }: Pick<IncomingMessage, 'socket'>): string {
  return withoutMapping(socket.remoteAddress ?? '')
}

/**
 * Behind proxies that can be trusted: whom the last of them names in `X-Forwarded-For`. Further to the left stands what clients
 * make up.
 */
export function addressBehind(isProxy: Networks): AddressOf {
  return (request) => {
    const named = [request.headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
    let address = connectionAddress(request)
    while (isProxy(address)) {
      const next = addressIn(named.pop() ?? '')
      if (next === undefined) break
      address = next
    }
    return address
  }
}

/** Some proxies write the port, too. */
function addressIn(text: string): string | undefined {
  const [, bracketed, plain = text.trim()] = /^\s*(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)\s*$/.exec(text) ?? []
  const address = withoutMapping(bracketed ?? plain)
  return isIPv4(address) || isIPv6(address) ? address : undefined
}

function withoutMapping(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '')
}

/** What limits know a client by: its address, or of IPv6 the network that one customer gets, as in 2001:db8:1:2. */
export function clientAt(address: string): string {
  return isIPv6(address) ? networkOf(address) : address
}

function networkOf(address: string): string {
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').split('::')
  const groups = (text: string | undefined): string[] => (text ?? '').split(':').filter(Boolean)
  const [first, last] = [groups(head), groups(tail)]
  const zeros = tail === undefined ? 0 : 8 - first.length - last.length
  return [...first, ...Array<string>(Math.max(0, zeros)).fill('0'), ...last].slice(0, 4).join(':')
}
