import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { Fault, isFault } from '../../oci/fault.ts'
import type { OfferedOperation, OperationContext } from '../../operations/operation.ts'
import { beatMs, largestOptions, linesType, operationsPath, type OperationLine } from '../../operations/wire.ts'
import type { Answer } from '../answer.ts'
import { carriesToken } from '../objects/check-token.ts'
import { refusalAnswer } from '../objects/refusal-answer.ts'
import { drain, readBody } from '../request-body.ts'
import { sendAnswer } from '../send-answer.ts'

export interface OperationsOptions {
  readonly operations: readonly OfferedOperation[]
  /** The tokens that are taken now. */
  readonly tokens: () => Promise<readonly string[]>
  readonly log: Logger
}

/** Links are thin, in milliseconds. */
const tellEveryMs = 500

type Work = (context: OperationContext<unknown>) => Promise<unknown>

/**
 * Carries operations out for who has the token: a fastify plugin that serves `/ops/v1/…` beside others. Who goes away ends the work,
 * and so does the end of the server, which waits for it.
 */
export async function operationsRoutes(app: FastifyInstance, options: OperationsOptions): Promise<void> {
  const { log } = options
  const closing = new AbortController()
  const running = new Set<Promise<void>>()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.addHook('preClose', async () => {
    closing.abort(new Fault('unavailable', 'the mirror is being stopped; ask again when it is back'))
    await Promise.all(running)
  })

  async function handler(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const verb = verbOf(request)
    try {
      const work = await workFor(request, options)
      const telling = tell(reply, work, { verb, log, closing: closing.signal }).finally(() => running.delete(telling))
      running.add(telling)
      await telling
    } catch (err) {
      if (!isFault(err)) log.error({ err, verb }, 'operation failed')
      if (isFault(err, 'denied')) void reply.header('connection', 'close')
      else drain(request.raw)
      await sendAnswer(reply, refusal(err))
    }
    return reply
  }
  app.route({ method: ['GET', 'POST', 'PUT', 'DELETE'], url: `${operationsPath}/*`, handler })
}

async function workFor(request: FastifyRequest, { operations, tokens }: OperationsOptions): Promise<Work> {
  if (!carriesToken(request.headers.authorization, await tokens())) {
    throw new Fault('denied', 'the token is not one of those that the mirror takes')
  }
  const operation = operations.find(({ verb }) => verb === verbOf(request))
  if (!operation) {
    const known = operations.map(({ verb }) => verb).join(', ')
    throw new Fault('not-found', `this mirror knows nothing of the kind; it does ${known}`)
  }
  if (request.method !== 'POST') throw new Fault('invalid', 'operations are asked for by POST')
  return operation.prepare(await optionsIn(request))
}

async function optionsIn(request: FastifyRequest): Promise<unknown> {
  const text = Buffer.from(await readBody(request.raw, largestOptions)).toString()
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Fault('invalid', 'the options are no JSON document', { cause })
  }
}

interface Telling {
  readonly verb: string
  readonly log: Logger
  readonly closing: AbortSignal
}

/** Does the work, and writes a line for each step of it. */
async function tell(reply: FastifyReply, work: Work, { verb, log, closing }: Telling): Promise<void> {
  const { raw } = reply.hijack()
  const gone = new AbortController()
  raw.once('close', () => gone.abort(new Fault('unavailable', 'who asked for it went away')))
  raw.writeHead(200, { 'content-type': linesType, 'cache-control': 'no-store' })
  const say = (line: OperationLine): void => void raw.write(lineOf(line))
  // At once, so that it is known that the work is under way.
  say({})
  let toldAt = -Infinity
  const beat = setInterval(() => say({}), beatMs)
  log.info({ verb }, 'operation begun')
  try {
    const result = await work({
      signal: AbortSignal.any([gone.signal, closing]),
      onProgress(progress) {
        // The next one says more: what a reader does not take is not kept for it.
        if (raw.writableNeedDrain || performance.now() - toldAt < tellEveryMs) return
        toldAt = performance.now()
        say({ progress })
      },
    })
    say({ result })
    log.info({ verb }, 'operation done')
  } catch (err) {
    if (isFault(err)) log.warn({ err, verb }, 'operation ended early')
    else log.error({ err, verb }, 'operation failed')
    say({ failure: failureOf(err) })
  } finally {
    clearInterval(beat)
    raw.end()
  }
}

/** Of what was not begun: one line too. */
function refusal(error: unknown): Answer {
  const status = isFault(error, 'denied') ? 401 : refusalAnswer(error).status
  return { status, headers: { 'content-type': linesType }, body: lineOf({ failure: failureOf(error) }) }
}

function lineOf(line: OperationLine): Uint8Array {
  return Buffer.from(`${JSON.stringify(line)}\n`)
}

function failureOf(error: unknown): NonNullable<OperationLine['failure']> {
  if (!isFault(error)) return { fault: 'unavailable', message: 'internal error; the log of the mirror says more' }
  return { fault: error.code, message: error.message }
}

function verbOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0]?.slice(operationsPath.length + 1) ?? ''
}
