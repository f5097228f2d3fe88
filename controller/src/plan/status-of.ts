import { statusMessages, type CachePhase, type CacheStatus } from '../api/cache-status.ts'
import { conditionsOf } from './conditions-of.ts'
import type { CopyState } from './copy-standing.ts'
import { failuresOf } from './failures-of.ts'
import type { KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'
import { isReachable } from './reachable.ts'
import { settlingNodes } from './settling-nodes.ts'
import { talliesOf } from './tallies-of.ts'
import { failedNow, missingIn, type Tally } from './tally.ts'
import type { World } from './world.ts'

/** What is true of a cache now. Only reports count as knowledge of nodes, and only the mirror's records as knowledge of upstream. */
export function statusOf(living: LivingCache, world: World): CacheStatus {
  const { record } = living
  const tallies = talliesOf(living, world)
  const failed = tallies.flatMap((tally) => failedNow(tally, world.now))
  const settling = settlingNodes(living, world)
  const phase = failed.length > 0 ? 'Failed' : phaseOf(tallies, { settling, now: world.now })
  const operation = operationOf(living, phase, world.now)
  const counts = countsOf(living, { tallies, now: world.now })
  return {
    status: phase,
    reason: operation.reason,
    message: messageOf(phase, operation, counts),
    startTime: operation.startTime,
    ...(phase === 'Processing' ? {} : { completionTime: completionTimeOf(living, phase, world.now) }),
    ...failuresOf(failed),
    observedGeneration: record.generation,
    counts,
    bytes: {
      wanted: sum(tallies.map(({ bytesWanted }) => bytesWanted)),
      present: sum(tallies.map(({ bytesHere }) => bytesHere)),
      unknown: sum(tallies.map(({ unknown }) => unknown)),
    },
    conditions: conditionsOf(living, { tallies, phase, world }),
  }
}

interface PhaseInput {
  readonly settling: readonly KnownNode[]
  readonly now: number
}

/** What can be mended by people comes before what is being done, that before what only waits, and success is the absence of all. */
function phaseOf(tallies: readonly Tally[], { settling, now }: PhaseInput): CachePhase {
  const isOnline = (node: KnownNode): boolean => isReachable(node.heard, now)
  const missing = tallies.filter((tally) => missingIn(tally) > 0)
  const isGoingOn = missing.some(({ node, inState }) => isOnline(node) || inState.mirror !== undefined)
  if (isGoingOn || settling.some(isOnline)) return 'Processing'
  if (tallies.length === 0) return 'NoImagesPulledOrDeleted'
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
  readonly tallies: readonly Tally[]
  readonly now: number
}

function countsOf({ record }: LivingCache, { tallies, now }: CountsInput): CacheStatus['counts'] {
  const count = (isSo: (tally: Tally) => boolean): number => tallies.filter(isSo).length
  const inState = (...states: CopyState[]): number =>
    sum(states.map((state) => sum(tallies.map((tally) => tally.inState[state] ?? 0))))
  return {
    images: record.names.length,
    nodes: {
      matched: tallies.length,
      reachable: count(({ node }) => isReachable(node.heard, now)),
      withoutAgent: count(({ node }) => node.heard === undefined),
      complete: count((tally) => missingIn(tally) === 0),
      failed: count((tally) => failedNow(tally, now).length > 0),
    },
    copies: {
      wanted: sum(tallies.map(({ wanted }) => wanted)),
      present: inState('present'),
      fetching: inState('fetching', 'publishing'),
      waiting: inState('mirror', 'held', 'told', 'waiting', 'leaving'),
      ...(tallies.some((tally) => tally.inState.shut) && { awaitingWindow: inState('shut') }),
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
