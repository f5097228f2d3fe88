import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { isFault } from '../oci/fault.ts'

/** One thing that has to be so. */
export interface Check {
  /** A word. */
  readonly name: string
  /**
   * Why it is not so, for anybody who asks; undefined if it is. What it throws is a reason, too, and only the log tells it: it may
   * name directories and addresses.
   */
  readonly look: () => string | undefined | Promise<string | undefined>
}

export interface HealthChecks {
  /** A process that fails one of them is to be started anew. */
  readonly live: readonly Check[]
  /** A process that fails one of them is to be asked nothing for now. */
  readonly ready: readonly Check[]
}

/** A check that takes longer has failed, in milliseconds. */
const longestLookMs = 3000

/** `/healthz` and `/readyz`: 200 and `ok`, or 503 and which check failed; with `?verbose` always all of them, as Kubernetes does. */
export function healthRoutes(app: FastifyInstance, { live, ready }: HealthChecks, log: Logger): void {
  const alive = live.map((check) => saidOnce(check, log))
  const askable = ready.map((check) => saidOnce(check, log))
  app.get('/healthz', (request, reply) => answer('healthz', alive, { request, reply }))
  app.get('/readyz', (request, reply) => answer('readyz', askable, { request, reply }))
}

/** Tells the log what a check throws, once until it is something else: probes come every few seconds. */
function saidOnce({ name, look }: Check, log: Logger): Check {
  let said: string | undefined
  return {
    name,
    async look() {
      try {
        const reason = await look()
        said = undefined
        return reason
      } catch (err) {
        const message = String(err)
        if (message !== said) log.warn({ err, check: name }, 'check failed')
        said = message
        return isFault(err) ? `${err.code}; the log says why` : 'the log says why'
      }
    },
  }
}

async function answer(
  name: string,
  checks: readonly Check[],
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
): Promise<string> {
  const results = await Promise.all(checks.map(async (check) => ({ name: check.name, reason: await reasonOf(check) })))
  const isGood = results.every(({ reason }) => reason === undefined)
  reply.code(isGood ? 200 : 503).headers({ 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
  if (isGood && (request.query as Record<string, unknown>)['verbose'] === undefined) return 'ok'
  const lines = results.map((check) =>
    check.reason === undefined ? `[+]${check.name} ok` : `[-]${check.name} failed: ${check.reason}`,
  )
  return [...lines, `${name} check ${isGood ? 'passed' : 'failed'}`, ''].join('\n')
}

async function reasonOf({ look }: Check): Promise<string | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<string>()
  const timer = setTimeout(() => resolve(`no answer in ${longestLookMs / 1000} s`), longestLookMs)
  try {
    return await Promise.race([look(), late])
  } finally {
    clearTimeout(timer)
  }
}
