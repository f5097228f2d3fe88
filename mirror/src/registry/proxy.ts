import { BlockList, isIP } from 'node:net'
import { Fault } from '../oci/fault.ts'
import { isLoopbackHost } from './endpoint.ts'

/** The values of HTTP_PROXY, HTTPS_PROXY and NO_PROXY; whoever reads the environment passes them on. */
export interface ProxySettings {
  readonly httpProxy?: string | undefined
  readonly httpsProxy?: string | undefined
  readonly noProxy?: string | undefined
}

/**
 * Which proxy a URL is fetched through, as Go programs (Docker, containerd, the kubelet) decide: HTTPS_PROXY for https only,
 * nothing for loopback, and NO_PROXY with `*`, addresses, CIDR blocks, `domain` (and below it), `.domain` (only below it),
 * each with a port if one is given.
 * @throws Fault invalid if the proxy is not a URL of http or https
 */
export function proxyFor(url: URL, { httpProxy, httpsProxy, noProxy }: ProxySettings): URL | undefined {
  const proxy = url.protocol === 'https:' ? httpsProxy : httpProxy
  if (!proxy || isLoopbackHost(url.hostname) || isExempt(url, noProxy ?? '')) return undefined
  return parseProxy(proxy)
}

function parseProxy(text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url && /^https?:$/.test(url.protocol)) return url
  // The value is not shown: it may carry a password.
  throw new Fault(
    'invalid',
    'the value of HTTP_PROXY or HTTPS_PROXY is not the URL of a proxy (http://HOST:PORT or https://HOST:PORT)',
  )
}

function isExempt(url: URL, noProxy: string): boolean {
  const host = unbracketed(url.hostname).toLowerCase().replace(/\.$/, '')
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return noProxy
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => entryMatches(entry.toLowerCase(), { host, port }))
}

function entryMatches(entry: string, { host, port }: { host: string; port: string }): boolean {
  if (entry === '*') return true
  if (entry.includes('/')) return blockContains(entry, host)
  const [name, entryPort] = splitPort(entry)
  if (entryPort !== undefined && entryPort !== port) return false
  if (isIP(name) !== 0 || isIP(host) !== 0) return name === host
  const domain = name.replace(/^\*(?=\.)/, '')
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`)
}

function blockContains(entry: string, host: string): boolean {
  const family = isIP(host)
  const [address = '', prefix = ''] = entry.split('/')
  if (family === 0 || isIP(address) !== family || !/^\d{1,3}$/.test(prefix)) return false
  if (Number(prefix) > (family === 4 ? 32 : 128)) return false
  const block = new BlockList()
  block.addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6')
  return block.check(host, family === 4 ? 'ipv4' : 'ipv6')
}

function splitPort(entry: string): [string, string | undefined] {
  if (isIP(entry) === 6) return [entry, undefined]
  const [, name = entry, port] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? []
  return [unbracketed(name), port]
}

function unbracketed(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}
