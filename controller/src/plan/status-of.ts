import { statusMessages, type CachePhase, type CacheStatus } from '../api/cache-status.ts'
import { conditionsOf } from './conditions-of.ts'
import { failuresOf, isFailed } from './failures-of.ts'
import { imageRows, type ImageRow } from './image-row.ts'
import { selects, type KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'
import { isReachable } from './reachable.ts'
import { settlingNodes } from './settling-nodes.ts'
import type { World } from './world.ts'

/** What is true of a cache now. Only reports count as knowledge of nodes, and only the mirror's records as knowledge of upstream. */
export function statusOf(
  living: LivingCache,
  world: World,
  rows: readonly ImageRow[] = imageRows(living, world),
): CacheStatus {
  const { cache, record } = living
  const selected = world.nodes.filter((node) => cache.lists.some((list) => selects(list, node)))
  const settling = settlingNodes(living, world)
  const phase = phaseOf(rows, { selected, settling, now: world.now })
  const operation = operationOf(living, phase, world.now)
  const counts = countsOf(living, { rows, selected, now: world.now })
  return {
    status: phase,
    reason: operation.reason,
    message: messageOf(phase, operation, counts),
    startTime: operation.startTime,
    ...(phase === 'Processing' ? {} : { completionTime: completionTimeOf(living, phase, world.now) }),
    ...failuresOf(rows),
    observedGeneration: record.generation,
    counts,
    bytes: {
      wanted: sum(rows.map(({ bytesTotal }) => bytesTotal ?? 0)),
      present: sum(rows.map(({ bytesHere }) => bytesHere)),
      unknown: rows.filter(({ bytesTotal }) => bytesTotal === null).length,
    },
    conditions: conditionsOf(living, { rows, selected, phase, world }),
  }
}

interface PhaseInput {
  readonly selected: readonly KnownNode[]
  readonly settling: readonly KnownNode[]
  readonly now: number
}

/** What can be mended by people comes before what is being done, that before what only waits, and success is the absence of all. */
function phaseOf(rows: readonly ImageRow[], { selected, settling, now }: PhaseInput): CachePhase {
  const isOnline = (node: KnownNode): boolean => isReachable(node.heard, now)
  const missing = rows.filter(({ state }) => state !== 'present')
  if (rows.some(isFailed)) return 'Failed'
  if (missing.some((row) => row.isReachable || row.state === 'mirror') || settling.some(isOnline)) return 'Processing'
  if (selected.length === 0) return 'NoImagesPulledOrDeleted'
  return missing.length > 0 || settling.length > 0 ? 'AwaitingOfflineNodes' : 'Succeeded'
}

type Operation = Pick<CacheStatus, 'reason' | 'startTime'> & { readonly deleting: boolean }

/**
 * A cache that was complete and is not any more goes through what kube-fledged calls a refresh: a tag means something else
 * now, a node joined, an image was lost.
 */
function operationOf({ record }: LivingCache, phase: CachePhase, now: number): Operation {
  const { reason, startedAt, deleting } = record.operation
  const before = record.status
  const isOfThis = before?.observedGeneration === record.generation && before.startTime >= iso(startedAt)
  if (!isOfThis) return { reason, startTime: iso(startedAt), deleting }
  const isBegun = phase === 'Processing' || phase === 'Failed'
  if (before.status === 'Succeeded' && isBegun)
    return { reason: 'ImageCacheRefresh', startTime: iso(now), deleting: false }
  return { ...before, deleting: deleting && before.reason === reason }
}

function completionTimeOf({ record }: LivingCache, phase: CachePhase, now: number): string {
  const before = record.status
  const isSame = before?.status === phase && before.observedGeneration === record.generation
  return (isSame && before.startTime >= iso(record.operation.startedAt) && before.completionTime) || iso(now)
}

function messageOf(phase: CachePhase, { reason, deleting }: Operation, { nodes }: CacheStatus['counts']): string {
  switch (phase) {
    case 'Processing':
      return statusMessages.processing[reason]
    case 'Succeeded':
      return deleting ? statusMessages.deleted : statusMessages.pulled
    case 'Failed':
      return statusMessages.pullFailed
    case 'NoImagesPulledOrDeleted':
      return statusMessages.noNodes
    case 'AwaitingOfflineNodes':
      return awaitingMessage(nodes)
  }
}

function awaitingMessage({ matched, reachable, withoutAgent }: CacheStatus['counts']['nodes']): string {
  const offline = matched - reachable - withoutAgent
  const words = [
    ...(offline > 0 ? [`${offline} of ${matched} nodes are offline and will follow when they are back`] : []),
    ...(withoutAgent > 0 ? [`${withoutAgent} of ${matched} nodes run no agent yet`] : []),
  ]
  return ['All reachable nodes are done', ...words].join('; ')
}

interface CountsInput {
  readonly rows: readonly ImageRow[]
  readonly selected: readonly KnownNode[]
  readonly now: number
}

function countsOf({ record }: LivingCache, { rows, selected, now }: CountsInput): CacheStatus['counts'] {
  const namesOf = (some: readonly ImageRow[]): Set<string> => new Set(some.map(({ node }) => node.name))
  const incomplete = namesOf(rows.filter(({ state }) => state !== 'present'))
  const byState = new Map<ImageRow['state'], number>()
  for (const { state } of rows) byState.set(state, (byState.get(state) ?? 0) + 1)
  const inState = (...states: ImageRow['state'][]): number => sum(states.map((state) => byState.get(state) ?? 0))
  return {
    images: record.names.length,
    nodes: {
      matched: selected.length,
      reachable: selected.filter(({ heard }) => isReachable(heard, now)).length,
      withoutAgent: selected.filter(({ heard }) => heard === undefined).length,
      complete: selected.filter(({ name }) => !incomplete.has(name)).length,
      failed: namesOf(rows.filter(isFailed)).size,
    },
    copies: {
      wanted: rows.length,
      present: inState('present'),
      fetching: inState('fetching', 'publishing'),
      waiting: inState('mirror', 'held', 'told', 'waiting', 'leaving'),
      failed: inState('failed'),
    },
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString()
}
