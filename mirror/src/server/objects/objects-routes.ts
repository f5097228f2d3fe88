import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { Fault, isFault } from '../../oci/fault.ts'
import type { UploadDigests } from '../../store/content/upload-digests.ts'
import type { ObjectStore } from '../../store/object-store.ts'
import { headers, objectsPath } from '../../store/remote/wire.ts'
import type { Answer } from '../answer.ts'
import { drain, isAborted } from '../request-body.ts'
import { sendAnswer } from '../send-answer.ts'
import { carriesToken } from './check-token.ts'
import { keys } from './keys.ts'
import { list, uploadList } from './lists.ts'
import type { ObjectsExchange, ObjectsHandlers } from './objects-exchange.ts'
import { createOutcomes } from './outcomes.ts'
import { refusal, refusalAnswer } from './refusal-answer.ts'
import { publication, upload } from './uploads.ts'

export interface ObjectsOptions {
  readonly objects: ObjectStore
  /** Those of the content store over the same objects. */
  readonly digests: UploadDigests
  /** The tokens that are taken now: a new one and the one before it, while they are exchanged. */
  readonly tokens: () => Promise<readonly string[]>
  readonly log: Logger
}

type Serving = ObjectsOptions & Pick<ObjectsExchange, 'outcomes'>

/** What lies behind `objectsPath`, and what can be done with it. */
const things: ReadonlyArray<{ readonly path: RegExp; readonly handlers: ObjectsHandlers }> = [
  { path: /^\/keys\/(.+)$/, handlers: keys },
  { path: /^\/list()$/, handlers: list },
  { path: /^\/uploads()$/, handlers: uploadList },
  { path: /^\/uploads\/([^/]+)$/, handlers: upload },
  { path: /^\/uploads\/([^/]+)\/publication$/, handlers: publication },
]

/**
 * The object store itself, for controllers that keep everything in it: who has the token may read and write all. A fastify
 * plugin that serves `/objects/v1/…` beside others.
 */
export async function objectsRoutes(app: FastifyInstance, options: ObjectsOptions): Promise<void> {
  const { log } = options
  const serving: Serving = { ...options, outcomes: createOutcomes() }
  const boot = randomUUID()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))

  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const answer = await answerTo(request, serving).catch((error: unknown) => failed(error, request, log))
    if (answer.status === 401) void reply.header('connection', 'close')
    else drain(request.raw)
    void reply.header(headers.boot, boot)
    await sendAnswer(reply, answer).catch((err: unknown) => log.warn({ err, path: pathOf(request) }, 'sending failed'))
    return reply
  }
  const method = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
  app.route({ method: [...method], url: `${objectsPath}/*`, handler, exposeHeadRoute: false })
}

async function answerTo(request: FastifyRequest, serving: Serving): Promise<Answer> {
  if (!carriesToken(request.headers.authorization, await serving.tokens())) {
    const message = 'the token is not one of those that the mirror takes'
    return refusal(401, { fault: 'denied', message }, { 'www-authenticate': 'Bearer' })
  }
  const path = pathOf(request).slice(objectsPath.length)
  for (const thing of things) {
    const name = thing.path.exec(path)?.[1]
    if (name === undefined) continue
    const handle = thing.handlers[request.method]
    if (!handle) break
    const query = new URLSearchParams(request.url.split('?', 2)[1] ?? '')
    return await handle({ ...serving, request: request.raw, query, name })
  }
  throw new Fault('invalid', `${request.method} is not for this path`)
}

function failed(error: unknown, request: FastifyRequest, log: Logger): Answer {
  const answer = refusalAnswer(error)
  const facts = { err: error, method: request.method, path: pathOf(request), status: answer.status }
  if (isAborted(request.raw)) log.debug(facts, 'client went away')
  else if (!isFault(error)) log.error(facts, 'request failed')
  else if (answer.status >= 500) log.warn(facts, 'request failed')
  return answer
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}
