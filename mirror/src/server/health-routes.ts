import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** One thing that has to be so. */
export interface Check {
  /** A word. */
  readonly name: string
  /** Why it is not so, for people; undefined if it is. What it throws counts as the reason. */
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
export function healthRoutes(app: FastifyInstance, { live, ready }: HealthChecks): void {
  app.get('/healthz', (request, reply) => answer('healthz', live, { request, reply }))
  app.get('/readyz', (request, reply) => answer('readyz', ready, { request, reply }))
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
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    clearTimeout(timer)
  }
}
