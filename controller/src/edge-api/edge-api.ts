import { versionOf, type Assignment } from '@stowage/mirror/edge/assignment'
import { nodeNameSchema } from '@stowage/mirror/edge/node-name'
import { longestHoldMs } from '@stowage/mirror/edge/paths'
import { parseReport } from '@stowage/mirror/edge/report'
import type { Meter } from '@stowage/mirror/metrics/meter'
import { Fault } from '@stowage/mirror/oci/fault'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { controllerMetrics } from '../metrics/controller-metrics.ts'
import { createRefusalHandler } from '../refusal-handler.ts'
import type { AssignmentBoard } from './assignment-board.ts'
import type { NodeRegistry } from './node-registry.ts'

export interface EdgeApiOptions {
  readonly registry: NodeRegistry
  readonly board: AssignmentBoard
  readonly assignments: ReadonlyMap<string, Assignment>
  readonly isKnown: (node: string) => boolean
  /** Ends all long polls. */
  readonly signal: AbortSignal
  readonly log: Logger
  readonly meter: Meter
}

/** A report names every image of a node: a thousand of them fit. */
const largestReport = 1024 * 1024

type NodeRequest = FastifyRequest<{ Params: { node: string }; Querystring: { wait?: string } }>

/** `/edge/v1`: what a node asks and says. */
export function edgeApi(options: EdgeApiOptions): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    app.setErrorHandler(createRefusalHandler(options.log))
    app.put('/edge/v1/nodes/:node/report', { bodyLimit: largestReport }, (request: NodeRequest, reply) =>
      putReport(request, reply, options),
    )
    app.get('/edge/v1/nodes/:node/assignment', (request: NodeRequest, reply) => getAssignment(request, reply, options))
  }
}

/** Answers with the version that the node should know by now, whatever became of the report. */
async function putReport(
  request: NodeRequest,
  reply: FastifyReply,
  { registry, assignments }: EdgeApiOptions,
): Promise<unknown> {
  const node = nodeOf(request)
  const report = parseReport(request.body)
  if (report.node !== node) throw new Fault('invalid', `the report is of node ${report.node}, and was sent for ${node}`)
  const verdict = await registry.take(report)
  if (verdict.kind === 'clone') throw new Fault('conflict', verdict.message)
  const assignment = assignments.get(node)
  return reply.send({ assignment: assignment ? versionOf(assignment) : null })
}

async function getAssignment(
  request: NodeRequest,
  reply: FastifyReply,
  { board, assignments, isKnown, signal, meter }: EdgeApiOptions,
): Promise<unknown> {
  const node = nodeOf(request)
  if (!isKnown(node)) throw new Fault('not-found', `node ${node} is not known: a node reports before it asks`)
  const known = knownVersion(request)
  const ended = AbortSignal.any([signal, request.signal])
  const assignment = await board.next(node, { known, timeoutMs: waitMs(request), signal: ended })
  reply.header('cache-control', 'no-store')
  meter.add(controllerMetrics.assignments, { result: assignment ? 'sent' : 'unchanged' })
  if (assignment) return reply.header('etag', `"${versionOf(assignment)}"`).send(assignment)
  const current = assignments.get(node)
  if (!current) throw new Fault('not-found', `there is no assignment for node ${node} yet: ask again`)
  return reply
    .code(304)
    .header('etag', `"${versionOf(current)}"`)
    .send()
}

function nodeOf({ params }: NodeRequest): string {
  const result = nodeNameSchema.safeParse(params.node)
  if (!result.success) throw new Fault('invalid', `"${params.node.slice(0, 300)}" ${result.error.issues[0]?.message}`)
  return result.data
}

/** A node knows one version, so one entity tag is all that is looked at. */
function knownVersion({ headers }: NodeRequest): string | undefined {
  return /^(?:W\/)?"([^"]*)"$/.exec(headers['if-none-match']?.trim() ?? '')?.[1]
}

function waitMs({ query }: NodeRequest): number {
  if (query.wait === undefined) return 0
  const seconds = Number(query.wait)
  if (!(seconds >= 0)) throw new Fault('invalid', `wait=${query.wait.slice(0, 50)} is not a number of seconds`)
  return Math.min(seconds * 1000, longestHoldMs)
}
