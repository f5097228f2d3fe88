import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { Meter } from '../metrics/meter.ts'
import { isFault } from '../oci/fault.ts'
import type { ContentStore } from '../store/content-store.ts'
import { createRecentlyUsed } from '../store/recently-used.ts'
import type { Answer } from './answer.ts'
import type { RateLimit } from './access/rate-limit.ts'
import { anybody, type Access, type Authorize, type Caller, type Identify, type Principal } from './authorize.ts'
import { blobs } from './blobs.ts'
import { clientAt, connectionAddress, type AddressOf } from './client-address.ts'
import { errorAnswer } from './error-body.ts'
import type { Exchange, Handlers, Method, PathKind, PathOf } from './exchange.ts'
import { createHotBlobs } from './hot-blobs.ts'
import { catalog, referrers, tags } from './lists.ts'
import { manifests } from './manifests.ts'
import type { Networks } from './networks.ts'
import { parsePath, type RegistryPath } from './parse-path.ts'
import type { PullThrough } from './pull-through.ts'
import { createReadyAnswers, sendReady, type ReadyAnswer, type ReadyAnswers } from './ready-answers.ts'
import { Refusal } from './refusal.ts'
import { drain, isAborted } from './request-body.ts'
import { sendAnswer } from './send-answer.ts'
import { serverMetrics } from './server-metrics.ts'
import { createUploadSessions } from './upload-sessions.ts'
import { uploadSession, uploadStart } from './uploads.ts'

export interface RegistryOptions {
  readonly store: ContentStore
  readonly authorize: Authorize
  /** Who asks; absent: everybody is anonymous. */
  readonly identify?: Identify | undefined
  /** How often a client may ask; absent: as often as it likes. */
  readonly limit?: RateLimit | undefined
  /** Where requests come from; by default where their connections do. */
  readonly addressOf?: AddressOf | undefined
  /** Fetches what is asked of other registries; absent: nothing is fetched. */
  readonly pullThrough?: PullThrough | undefined
  /** Which clients are sent on to where the store keeps large blobs, if it can say where; absent: none. */
  readonly redirects?: Networks | undefined
  /** Takes images without their config or layers (sparse manifests); absent: they are to be pushed first. */
  readonly takesSparse?: boolean | undefined
  /** Bytes of a blob that is pushed, at most; absent: as many as there is room for. */
  readonly largestBlob?: number | undefined
  readonly log: Logger
  readonly meter?: Meter | undefined
}

/** What one registry keeps from request to request. */
type Serving = RegistryOptions & Pick<Exchange, 'uploads' | 'cache' | 'hotBlobs'> & { readonly ready: ReadyAnswers }

const nobody: Principal = { kind: 'anonymous' }
const methods: Method[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

const base: Handlers<'base'> = {
  GET: ({ permit }) => permit({ action: 'connect' }).then(() => ({ status: 200 })),
  HEAD: ({ permit }) => permit({ action: 'connect' }).then(() => ({ status: 200 })),
}

const handlersOf: { readonly [Kind in PathKind]: Handlers<Kind> } = {
  base,
  catalog,
  tags,
  manifest: manifests,
  blob: blobs,
  'upload-start': uploadStart,
  'upload-session': uploadSession,
  referrers,
}

/** Bytes of manifests and small blobs that are kept in memory: what many nodes ask for at once. */
const cacheSize = 16 * 1024 * 1024
/** And of larger blobs, while they are asked for again and again. */
const hotBlobsSize = 32 * 1024 * 1024

/**
 * The distribution API (distribution-spec 1.1, and from its main branch sha512, tags by parameter and the cancelling of
 * uploads), as a fastify plugin that serves `/v2/…`. Other routes may live beside it.
 */
export async function registryRoutes(app: FastifyInstance, options: RegistryOptions): Promise<void> {
  const uploads = createUploadSessions(options.store)
  const memory = { cache: createRecentlyUsed<Uint8Array>(cacheSize), hotBlobs: createHotBlobs(hotBlobsSize) }
  const ready = createReadyAnswers({ ...options, ...memory, keepAliveMs: app.server.keepAliveTimeout })
  const serving: Serving = { ...options, ...memory, uploads, ready }
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.setErrorHandler((error, request, reply) => sendAnswer(reply, failed(error, request, options.log)))

  const { meter } = options
  function handler(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> | undefined {
    logWhenClosed(request, reply, options.log)
    const known = readyFor(request, serving)
    if (!known) return lookUp(request, reply)
    const { kind } = known.content
    const onSent = meter && ((bytes: number) => meter.add(serverMetrics.bytesServed, { kind }, bytes))
    sendReady(known, request.raw, reply.hijack().raw, onSent)
    return undefined
  }

  async function lookUp(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const found = await answerTo(request, serving).catch((error: unknown) => failed(error, request, options.log))
    const answer = { ...found, headers: { 'docker-distribution-api-version': 'registry/2.0', ...found.headers } }
    drain(request.raw)
    serving.ready.note(request.raw, answer)
    const kind = meter && contentKindOf(request, answer)
    const onBytes = kind && ((bytes: number) => meter.add(serverMetrics.bytesServed, { kind }, bytes))
    await sendAnswer(reply, answer, onBytes).catch((err: unknown) => {
      options.log.warn({ err, path: pathOf(request) }, 'sending a blob failed')
    })
    return reply
  }
  const config = { isUnhurried: isUpload }
  for (const url of ['/v2', '/v2/*']) app.route({ method: methods, url, handler, config, exposeHeadRoute: false })
}

/** Blobs are written as they come, and may come over any link; all else that is sent is held in memory. */
function isUpload(url: string): boolean {
  return /\/blobs\/uploads(?:\/[^/]*)?$/.test(url.split('?', 1)[0] ?? '')
}

/** What is at hand, for who is not asked for anything, needs no more than the decision that he may have it. */
function readyFor(
  request: FastifyRequest,
  { ready, authorize, identify = anybody, limit, pullThrough }: Serving,
): ReadyAnswer | undefined {
  if (identify !== anybody || limit) return undefined
  return ready.find(request.raw, ({ repository, digest }) => {
    if (pullThrough?.isFetched(repository)) return false
    const decision = authorize(nobody, withPrivacy({ action: 'pull', repository, digest }, pullThrough))
    return 'allowed' in decision && decision.allowed
  })
}

async function answerTo(request: FastifyRequest, serving: Serving): Promise<Answer> {
  const { authorize, identify = anybody, limit, addressOf = connectionAddress, pullThrough } = serving
  const { store, uploads, cache, hotBlobs, redirects, takesSparse = false, largestBlob } = serving
  limit?.take(clientAt(addressOf(request.raw)))
  const path = parsePath(pathOf(request))
  const caller = await identify(request.raw)
  const decide = async (access: Access) => authorize(caller.principal, withPrivacy(access, pullThrough))
  const exchange: Exchange = {
    method: request.method as Method,
    query: new URLSearchParams(request.url.split('?', 2)[1] ?? ''),
    request: request.raw,
    store,
    uploads,
    takesSparse,
    largestBlob,
    cache,
    hotBlobs,
    isRedirected: () => redirects?.(addressOf(request.raw)) ?? false,
    principal: caller.principal,
    isPermitted: async (access) => (await decide(access)).allowed,
    isNarrowed: (access) => caller.isNarrowed?.(access) ?? false,
    permit: async (access) => {
      if (!(await decide(access)).allowed) throw denied(caller, access)
    },
  }
  const next = (there: RegistryPath): Promise<Answer> => dispatch(there, exchange)
  return await (pullThrough ? pullThrough.answer(path, exchange, next) : next(path))
}

function withPrivacy(access: Access, pullThrough: PullThrough | undefined): Access {
  if (access.action !== 'pull' && access.action !== 'list') return access
  const isPrivate = access.repository !== undefined && pullThrough?.isPrivate(access.repository)
  return isPrivate ? { ...access, isPrivate } : access
}

function dispatch<Kind extends PathKind>(
  path: RegistryPath & { readonly kind: Kind },
  exchange: Exchange,
): Promise<Answer> {
  const handlers = handlersOf[path.kind]
  const handler = handlers[exchange.method]
  if (handler) return handler(exchange, path as unknown as PathOf<Kind>)
  const headers = { allow: Object.keys(handlers).join(', ') }
  throw new Refusal('UNSUPPORTED', `${exchange.method} is not for this path`, { headers })
}

function denied(caller: Caller, access: Access): Refusal {
  const challenge = caller.challenge?.(access)
  if (challenge === undefined) return new Refusal('DENIED', 'this is not allowed to you')
  return new Refusal('UNAUTHORIZED', 'credentials are needed', { headers: { 'www-authenticate': challenge } })
}

/** Clients that ask for what is not there are normal; what we cannot do is a warning, and what we did not foresee an error. */
function failed(error: unknown, request: FastifyRequest, log: Logger): Answer {
  const answer = errorAnswer(error)
  const facts = { err: error, method: request.method, path: pathOf(request), status: answer.status }
  if (isAborted(request.raw)) log.debug(facts, 'client went away')
  else if (!isFault(error)) log.error(facts, 'request failed')
  else if (answer.status >= 500) log.warn(facts, 'request failed')
  return answer
}

/** What an answer carries, if it is content. */
function contentKindOf(request: FastifyRequest, { status }: Answer): 'blob' | 'manifest' | undefined {
  if (request.method !== 'GET' || status >= 300) return undefined
  if (/\/blobs\/[^/]+$/.test(pathOf(request))) return 'blob'
  return /\/manifests\/[^/]+$/.test(pathOf(request)) ? 'manifest' : undefined
}

function logWhenClosed(request: FastifyRequest, reply: FastifyReply, log: Logger): void {
  if (!log.isLevelEnabled('debug')) return
  const start = performance.now()
  reply.raw.once('close', () => {
    const durationMs = Math.round(performance.now() - start)
    const status = reply.raw.statusCode
    const complete = reply.raw.writableFinished
    log.debug({ method: request.method, path: pathOf(request), status, durationMs, complete }, 'request answered')
  })
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}
