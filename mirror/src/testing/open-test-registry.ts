import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { allowAll } from '../server/authorize.ts'
import { createMirrorServer, listen } from '../server/mirror-server.ts'
import { registryRoutes } from '../server/registry-routes.ts'
import type { ContentStore } from '../store/content-store.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { silentLog } from './silent-log.ts'

/** Our registry over a store in memory, spoken to over HTTP. For tests. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  readonly store: ContentStore
  /** `METHOD /path?query` of all that was asked. */
  readonly requests: string[]
  /** Changes the query of each request that has this in it. */
  rewriteQuery(part: RegExp, by: string): void
  /** May answer a request that fits instead of the registry, so often. */
  intercept(when: RegExp, answer: (reply: FastifyReply, request: FastifyRequest) => unknown, times?: number): void
}

export interface TestRegistryOptions {
  readonly store?: ContentStore
  /** Does not know what manifests speak of. */
  readonly withoutReferrers?: boolean
}

export async function openTestRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const { store = createContentStore(createMemoryStore()), withoutReferrers = false } = options
  const app = createMirrorServer()
  const requests: string[] = []
  const interceptions: {
    when: RegExp
    answer: (reply: FastifyReply, request: FastifyRequest) => unknown
    left: number
  }[] = []
  app.addHook('onRequest', async (request, reply) => {
    const line = `${request.method} ${request.url}`
    requests.push(line)
    const found = interceptions.find(({ when, left }) => left > 0 && when.test(line))
    if (!found) return undefined
    found.left--
    await found.answer(reply, request)
    return reply.sent ? reply : undefined
  })
  const rewritten: { part: RegExp; by: string }[] = []
  app.addHook('onRequest', async ({ raw }) => {
    for (const { part, by } of rewritten) raw.url = raw.url?.replace(part, by)
  })
  if (withoutReferrers) forgetReferrers(app)
  await app.register(registryRoutes, { store, authorize: allowAll, log: silentLog, takesSparse: true })
  const server = await listen(app, { host: '127.0.0.1', port: 0, graceMs: 0 })
  return {
    host: new URL(server.url).host,
    store,
    requests,
    rewriteQuery: (part, by) => void rewritten.push({ part, by }),
    intercept: (when, answer, times = Infinity) => void interceptions.push({ when, answer, left: times }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

function forgetReferrers(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.includes('/referrers/')) return reply.code(404).send()
    return undefined
  })
  app.addHook('onRequest', async (_request, { raw }) => {
    const writeHead = raw.writeHead.bind(raw)
    const withoutSubject = (status: number, headers: OutgoingHttpHeaders): unknown =>
      writeHead(status, { ...headers, 'oci-subject': [] })
    Object.assign(raw, { writeHead: withoutSubject })
  })
}

/** For `intercept`: the registry does what it is asked for, and its answer is lost. */
export function loseAnswer({ raw }: FastifyReply): void {
  Object.assign(raw, { writeHead: () => raw.destroy() })
}
