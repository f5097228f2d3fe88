import type http from 'node:http'
import type https from 'node:https'
import type { AddressInfo } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { fastify, type FastifyInstance } from 'fastify'
import { noMeter, type Meter } from '../metrics/meter.ts'
import { Fault } from '../oci/fault.ts'
import { answerInTurn } from './answer-in-turn.ts'
import { errorAnswer } from './error-body.ts'
import { hasBody, hurry, type Patience } from './hurry.ts'
import { limitConnections, type ConnectionLimits } from './limit-connections.ts'
import { formatListenAddress, type ListenAddress } from './listen-address.ts'
import { measureRequests } from './measure-requests.ts'
import { Refusal } from './refusal.ts'
import { sendAnswer } from './send-answer.ts'
import { serverMetrics } from './server-metrics.ts'
import { settleTicks } from './settle-ticks.ts'
import type { KeyPair } from './tls/key-pair.ts'
import { secureContextOf } from './tls/secure-context.ts'

/** What is parsed is held in memory, bytes; the registry's bodies are streams, which this does not bound. */
const largestDocument = 1024 * 1024
/** All headers of a request together, bytes: 431 beyond that. The token of a client that works on many repositories is long. */
const largestHead = 32 * 1024

/** What comes more slowly than this holds a place and nothing else; by satellite telephone comes 300 bytes a second. */
const patience = { headMs: 60_000, graceMs: 60_000, bytesPerSecond: 256 }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the body of a request to this address may take as long as it likes; by default none may. */
    isUnhurried?: (url: string) => boolean
  }
}

export interface MirrorServerOptions {
  readonly meter?: Meter | undefined
  /** With it the server speaks TLS and nothing else. */
  readonly certificate?: KeyPair | undefined
  /** Absent: each client may have as many connections as it likes. */
  readonly limits?: ConnectionLimits | undefined
  readonly patience?: Patience & { readonly headMs: number }
}

/**
 * An HTTP server for slow and broken links, without routes. An upload may take days, so a request has no time limit, but a
 * connection on which nothing moves for ten minutes is cut, and so is one whose head does not come within a minute, or a
 * document that is held in memory hardly at all. What a client asks for before it has its answer waits. Idle connections are kept longer than containerd keeps them (90 s).
 */
export function createMirrorServer(options: MirrorServerOptions = {}): FastifyInstance {
  const { meter, certificate } = options
  const { headMs } = options.patience ?? patience
  const connections = {
    headersTimeout: headMs,
    connectionsCheckingInterval: headMs / 4,
    highWaterMark: 256 * 1024,
    maxHeaderSize: largestHead,
  }
  const tls = certificate && { ...connections, ...secureContextOf(certificate), handshakeTimeout: headMs / 2 }
  const app = fastify({
    requestTimeout: 0,
    connectionTimeout: 10 * 60_000,
    keepAliveTimeout: 120_000,
    bodyLimit: largestDocument,
    ...(tls ? { https: tls } : { http: connections }),
    frameworkErrors: (_error, _request, reply) => {
      void sendAnswer(reply, errorAnswer(new Refusal('NAME_INVALID', 'the path is not well-formed')))
    },
  })
  if (meter) measureRequests(app, meter)
  cutWhoHoldsPlaces(app, options)
  return app
}

function cutWhoHoldsPlaces(
  app: FastifyInstance,
  { meter = noMeter, limits, patience: most = patience }: MirrorServerOptions,
): void {
  const onCut = (reason: 'too-many' | 'pipelined' | 'slow-head' | 'slow-body') => () =>
    meter.add(serverMetrics.connectionsCut, { reason })
  const onSlowHead = onCut('slow-head')
  if (limits) limitConnections(app.server, limits, onCut('too-many'))
  app.server.on('clientError', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT' || code === 'ERR_TLS_HANDSHAKE_TIMEOUT') onSlowHead()
  })
  answerInTurn(app, onCut('pipelined'))
  app.addHook('onRequest', ({ raw, routeOptions: { config } }, _reply, done) => {
    const isUnhurried = (): boolean => config.isPassedOn ?? config.isUnhurried?.(raw.url ?? '') ?? false
    if (hasBody(raw) && !isUnhurried()) hurry(raw, most, onCut('slow-body'))
    done()
  })
}

/** From now on connections to a server with TLS begin with this certificate; those that are open stay. */
export function useCertificate({ server }: Pick<FastifyInstance, 'server'>, certificate: KeyPair): void {
  if (server instanceof TlsServer) server.setSecureContext(secureContextOf(certificate))
}

export interface ListenOptions extends ListenAddress {
  /** How long requests under way may go on once it is closed, in milliseconds. */
  readonly graceMs?: number
}

/** A server that takes connections until it is disposed of. */
export interface Listening extends AsyncDisposable {
  readonly address: ListenAddress
  /** Such as `http://127.0.0.1:5080`. */
  readonly url: string
}

/** A fastify server, with TLS or without. */
export type Listenable = Pick<FastifyInstance, 'listen' | 'close'> & { readonly server: http.Server | https.Server }

/**
 * Starts to listen. Disposing of it takes no new requests, lets those under way end and cuts them after the grace period.
 * @throws Fault conflict (port taken) | denied | invalid (no such address)
 */
export async function listen(app: Listenable, { host, port, graceMs = 5_000 }: ListenOptions): Promise<Listening> {
  settleTicks()
  try {
    // For `localhost` fastify would open a second server, whose connections could not be cut.
    await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port })
  } catch (cause) {
    throw listenFault({ host, port }, cause)
  }
  const address = { host, port: portOf(app.server.address()) ?? port }
  return {
    address,
    url: `${app.server instanceof TlsServer ? 'https' : 'http'}://${formatListenAddress(address)}`,
    async [Symbol.asyncDispose]() {
      // Those that are kept alive go as soon as their last answer is sent.
      const idle = setInterval(() => app.server.closeIdleConnections(), 20)
      const cut = setTimeout(() => app.server.closeAllConnections(), graceMs)
      await app.close()
      clearInterval(idle)
      clearTimeout(cut)
    },
  }
}

function portOf(address: AddressInfo | string | null): number | undefined {
  return typeof address === 'object' ? address?.port : undefined
}

function listenFault(address: ListenAddress, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const what = `cannot listen on ${formatListenAddress(address)}`
  if (code === 'EADDRINUSE') {
    return new Fault('conflict', `${what}: another program has this port; stop it or choose another one`, { cause })
  }
  if (code === 'EACCES') {
    return new Fault('denied', `${what}: not permitted; choose a port above 1023 or run with the right to use it`, {
      cause,
    })
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EINVAL') {
    return new Fault('invalid', `${what}: this machine has no such address`, { cause })
  }
  return cause
}
