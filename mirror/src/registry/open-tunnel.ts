import { request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { failureOf } from './connection-fault.ts'

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
  const ask = proxy.protocol === 'https:' ? httpsRequest : httpRequest
  const headers = { host: target, ...proxyAuthorization(proxy) }
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(connectMs)])
  return new Promise((resolve, reject) => {
    ask({ ...addressOf(proxy), ...trust, agent: false, method: 'CONNECT', path: target, headers, signal })
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

/** What proves to a proxy who asks, if its URL says it. */
export function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (!username && !password) return {}
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}
