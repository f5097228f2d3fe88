import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { parseListenAddress, type ListenAddress } from '@stowage/mirror/server/listen-address'
import type { FastifyInstance } from 'fastify'
import type { KnownLeader } from '../kube/lease/plan-lease.ts'
import { createForwarder, forwardedHeader } from './forward-request.ts'

/** Answers requests as they come from a connection. */
export type RawHandler = (request: IncomingMessage, response: ServerResponse) => void

export interface LeaderDoorOptions {
  /** Who this is, for the other replicas. */
  readonly identity: string
  /** Answers if this process leads; undefined if it does not, or not yet. */
  readonly own: () => RawHandler | undefined
  /** Who leads, if it is another process. */
  readonly leader: () => KnownLeader | undefined
  /** The clock of `KnownLeader.until`. */
  readonly steadyNow: () => number
  /** Certificates in PEM, of which the leader shows one; absent: replicas speak plain HTTP with each other. */
  readonly trusted?: (() => readonly string[]) | undefined
  /** How long a request waits for a leader before it is refused, in milliseconds. */
  readonly patienceMs?: number
}

/** Agents suspect a connection of being dead when a report takes 5 s. */
const defaultPatienceMs = 4000
const lookEveryMs = 200

/**
 * A Fastify plugin: whoever asks any replica for `/edge/v1` or `/api/v1` is answered by the leader. Without one it says when
 * to come again; agents do that by themselves, and lose nothing by it.
 */
export function leaderDoor(options: LeaderDoorOptions): (app: FastifyInstance) => Promise<void> {
  const { identity, own, leader, steadyNow, trusted, patienceMs = defaultPatienceMs } = options

  return async (app) => {
    const forwarder = createForwarder(trusted)
    const closed = new AbortController()
    /** Requests on their way to a leader, by its identity. */
    const underWay = new Map<AbortController, string>()
    // A leader that stands still answers nobody; when another one leads, whoever waits for it is let go.
    const watch = setInterval(() => {
      const now = leader()?.identity
      for (const [request, to] of underWay) if (to !== now) request.abort()
    }, lookEveryMs)
    app.addHook('onClose', () => {
      clearInterval(watch)
      closed.abort()
      forwarder[Symbol.dispose]()
    })

    async function forward(request: IncomingMessage, response: ServerResponse, to: KnownLeader): Promise<boolean> {
      const address = addressOf(to)
      if (!address) return false
      const stop = new AbortController()
      underWay.set(stop, to.identity)
      const signal = AbortSignal.any([stop.signal, closed.signal])
      return forwarder
        .forward(request, response, { to: address, by: identity, signal })
        .finally(() => underWay.delete(stop))
    }

    /** Says whether there was somebody to answer, if only that the leader does not. */
    async function answerNow(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
      const handler = own()
      if (handler) {
        handler(request, response)
        return true
      }
      const other = request.headers[forwardedHeader] === undefined ? leader() : undefined
      if (!other || other.until <= steadyNow()) return false
      if (await forward(request, response, other)) return true
      // Whoever only asks may ask the next one; of a body nothing is left.
      const isNext = own() !== undefined || leader()?.identity !== other.identity
      if (isNext && request.method === 'GET') return await answerNow(request, response)
      refuse(response, `the leader, ${other.identity}, does not answer`, other.until - steadyNow())
      return true
    }

    async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
      const deadline = steadyNow() + patienceMs
      while (!(await answerNow(request, response))) {
        if (steadyNow() >= deadline || closed.signal.aborted || response.destroyed) {
          return refuse(response, 'there is no leader at the moment', patienceMs)
        }
        await delay(lookEveryMs)
      }
    }

    for (const path of ['/edge/v1/*', '/api/v1/*']) {
      app.route({
        method: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
        url: path,
        // Whoever answers counts it.
        config: { isPassedOn: true },
        // Before anything reads the body.
        onRequest: (request, reply) => {
          reply.hijack()
          void answer(request.raw, reply.raw)
        },
        handler: () => undefined,
      })
    }
  }
}

function addressOf({ address }: KnownLeader): ListenAddress | undefined {
  try {
    return address === undefined ? undefined : parseListenAddress(address)
  } catch {
    // Somebody else wrote it there; the leader itself writes none that cannot be read.
    return undefined
  }
}

function refuse(response: ServerResponse, why: string, againInMs: number): void {
  if (response.headersSent || response.destroyed) return
  const body = JSON.stringify({ error: { code: 'unavailable', message: `${why}; ask again` } })
  const seconds = Math.max(1, Math.ceil(againInMs / 1000))
  response
    .writeHead(503, { 'content-type': 'application/json', 'retry-after': String(seconds), 'cache-control': 'no-store' })
    .end(body)
}
