import type { RequestOptions } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Socket } from 'node:net'
import { callbackify } from 'node:util'
import { nodeHttp } from './node-http.ts'
import { addressOf, openTunnel, proxyAddress, proxyAuthorization, type Trust } from './open-tunnel.ts'

export interface ConnectionsOptions {
  /** Through which all goes. */
  readonly proxy: URL | undefined
  readonly trust: Trust
  /** How long it may take to get through the proxy, in milliseconds. */
  readonly connectMs: number
}

/** Connections that are kept for the next request. HTTP/1.1 only: each blob has one, and so a window, of its own. */
export interface Connections {
  wayTo(url: URL): Way
  /** Ends all of them, whatever they are used for. */
  close(): void
}

const minuteMs = 60_000
/**
 * Unused connections are kept for a minute, or for less where the server says so (without `timeout` Node does not listen to
 * it). By itself Node would ask a silent one each second whether it lives: on a metered link that costs more than the rest.
 */
const kept = { keepAlive: true, keepAliveMsecs: minuteMs, timeout: minuteMs }

/** How a request gets to its URL; to be completed by what is asked. */
export interface Way extends Omit<RequestOptions, 'headers'> {
  readonly headers: Readonly<Record<string, string>>
  /** It goes to a proxy, which asks in turn. */
  readonly isForwarded: boolean
}

export function createConnections({ proxy, trust, connectMs }: ConnectionsOptions): Connections {
  const closed = new AbortController()
  const secure = new HttpsAgent({ ...kept, ...trust })
  const plain = proxy?.protocol === 'https:' ? new HttpsAgent({ ...kept, ...trust }) : new nodeHttp.Agent(kept)
  if (proxy) leadThrough((target) => openTunnel(target, { proxy, trust, connectMs, signal: closed.signal }), secure)

  return {
    wayTo(url) {
      const path = `${url.pathname}${url.search}`
      const agent = url.protocol === 'https:' ? secure : plain
      if (!proxy || agent === secure) return { ...addressOf(url), path, agent, headers: {}, isForwarded: false }
      // A proxy for plain HTTP is asked for the whole URL (RFC 9112, 3.2.2).
      const headers = { host: url.host, ...proxyAuthorization(proxy) }
      return { ...proxyAddress(proxy), path: `${url.origin}${path}`, agent, headers, isForwarded: true }
    },
    close() {
      closed.abort()
      plain.destroy()
      secure.destroy()
    },
  }
}

/** Lets an agent speak TLS through what `open` opens to a `HOST:PORT`. */
function leadThrough(open: (target: string) => Promise<Socket>, agent: HttpsAgent): void {
  const connect = agent.createConnection.bind(agent)
  const connectThrough = callbackify(async (options: RequestOptions) => {
    const host = String(options.host)
    const socket = await open(`${host.includes(':') ? `[${host}]` : host}:${options.port}`)
    return connect({ ...options, socket } as RequestOptions)!
  })
  agent.createConnection = (options, callback = () => {}) => {
    connectThrough(options, callback)
    return undefined
  }
}
