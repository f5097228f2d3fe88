import { nodeNameSchema } from '@stowage/mirror/edge/node-name'
import { Fault } from '@stowage/mirror/oci/fault'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { cacheViews } from '../plan/cache-views.ts'
import { imageViews } from '../plan/image-views.ts'
import { nodeViews } from '../plan/node-views.ts'
import type { World } from '../plan/world.ts'
import { createRefusalHandler } from '../refusal-handler.ts'
import type { SourceState } from '../sources/wish-source.ts'
import type { Exports } from './exports.ts'
import { exportRequestSchema, type ExportRequest, type SourceView } from './views.ts'

export interface OperatorApiOptions {
  readonly world: () => World
  readonly source: () => SourceState & { readonly name: string }
  readonly exports: Exports
  /** Forgets a node that is gone for good; false if it is not known. */
  readonly forgetNode: (node: string) => Promise<boolean>
  readonly log: Logger
}

const largestRequest = 1024 * 1024

/** `/api/v1`: what operators ask. Reading changes nothing; the verbs that do are named. */
export function operatorApi(options: OperatorApiOptions): (app: FastifyInstance) => Promise<void> {
  const { world, exports } = options
  return async (app) => {
    app.setErrorHandler(createRefusalHandler(options.log))
    app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'))
    app.get('/api/v1/caches', () => ({ items: cacheViews(world()) }))
    app.get('/api/v1/nodes', () => ({ items: nodeViews(world()) }))
    app.get('/api/v1/images', () => ({ items: imageViews(world()) }))
    app.get('/api/v1/source', () => sourceView(options.source()))
    app.get('/api/v1/export', (request) => exports.look(fromQuery(request)))
    app.post('/api/v1/export', { bodyLimit: largestRequest }, (request) => exports.ask(parseRequest(request.body)))
    app.delete('/api/v1/nodes/:node', async (request: FastifyRequest<{ Params: { node: string } }>, reply) => {
      const node = nodeNameSchema.safeParse(request.params.node).data
      if (!node || !(await options.forgetNode(node)))
        throw new Fault('not-found', `there is no node ${request.params.node.slice(0, 300)}`)
      return reply.code(204).send()
    })
  }
}

function sourceView({ name, condition, message, problems }: ReturnType<OperatorApiOptions['source']>): SourceView {
  const plain = problems.map((problem) => ({ ...problem, caches: problem.caches && [...problem.caches] }))
  return { name, condition, message, problems: plain }
}

/** `?cache=NAMESPACE/NAME&image=REF&platform=OS/ARCH`, each as often as one likes. */
function fromQuery({ query }: FastifyRequest): ExportRequest {
  const { cache, image, platform, ...rest } = query as Record<string, string | string[] | undefined>
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined)
    throw new Fault('invalid', `unknown parameter "${unknown.slice(0, 100)}": cache, image and platform are known`)
  return { caches: [cache ?? []].flat(), images: [image ?? []].flat(), platforms: [platform ?? []].flat() }
}

function parseRequest(body: unknown): ExportRequest {
  const result = exportRequestSchema.safeParse(body)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new Fault('invalid', `export: ${issue?.path.join('.') ?? ''}: ${issue?.message}`)
}
