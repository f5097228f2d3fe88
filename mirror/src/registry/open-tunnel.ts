import type { RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { failureOf } from './connection-fault.ts'
import { nodeHttp } from './node-http.ts'

/** What is trusted besides, or instead of, what Node trusts by itself. */
export interface Trust {
  readonly rejectUnauthorized?: boolean
  readonly secureContext?: SecureContext
}

export interface OpenTunnelOptions {
  readonly proxy: URL
  readonly trust: Trust
  /** How long it may take, in milliseconds. */
  readonly connectMs: number
  readonly signal: AbortSignal
}

/**
 * Opens a connection to a `HOST:PORT` through a proxy (RFC 9110, 9.3.6).
 * @throws Failure PROXY_UNREACHABLE | PROXY_REFUSED
 */
export function openTunnel(target: string, options: OpenTunnelOptions): Promise<Socket> {
  const { proxy, trust, connectMs } = options
  const ask = proxy.protocol === 'https:' ? httpsRequest : nodeHttp.request
  const headers = { host: target, ...proxyAuthorization(proxy) }
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(connectMs)])
  return new Promise((resolve, reject) => {
    ask({ ...proxyAddress(proxy), ...trust, agent: false, method: 'CONNECT', path: target, headers, signal })
      .on('connect', ({ statusCode: status = 0 }, socket: Socket) => {
        if (status >= 200 && status < 300) return resolve(socket)
        socket.destroy()
        reject(failureOf('PROXY_REFUSED', { status }))
      })
      .on('error', (cause) => reject(failureOf('PROXY_UNREACHABLE', { cause })))
      .end()
  })
}

/** Where a URL leads, without its name and password: they are nobody's but its author's. */
export function addressOf({ protocol, hostname, port }: URL): RequestOptions {
  return { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), port: port || undefined }
}

/** Where a proxy is; its certificate is for its own name, not for that of the host in the request. */
export function proxyAddress(proxy: URL): RequestOptions & { readonly servername: string } {
  const address = addressOf(proxy)
  const host = address.hostname ?? ''
  return { ...address, servername: isIP(host) ? '' : host }
}

/** What proves to a proxy who asks, if its URL says it. */
export function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (!username && !password) return {}
  const pair = `${decoded(username)}:${decoded(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** A password with a bare `%` is meant as it is written. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
