import { sample, wordSamples, type Sample } from '@stowage/mirror/metrics/meter'
import { cachePhaseSchema, type CachePhase, type CacheStatus } from '../api/cache-status.ts'
import { edgeNodeStatusSchema } from '../api/edge-node.ts'
import { isCurrent, type Resolution } from '../memory/resolution.ts'
import { standingOf } from '../plan/edge-node-status-of.ts'
import type { LivingCache } from '../plan/living-cache.ts'
import { nodeViews } from '../plan/node-views.ts'
import { statusOf } from '../plan/status-of.ts'
import type { World } from '../plan/world.ts'
import { controllerMetrics as metrics } from './controller-metrics.ts'

/** The fleet in numbers, as it stands now: as many as there are caches and words, however many nodes there are. */
export function worldSamples(world: World): Sample[] {
  const statuses = world.caches.map((living) => ({ living, status: statusOf(living, world) }))
  const phases = statuses.map(({ status }) => status.status)
  return [
    ...cachePhaseSchema.options.map((status) => sample(metrics.caches, { status }, count(phases, status))),
    ...statuses.flatMap(({ living, status }) => cacheSamples(living, status)),
    ...nodeSamples(nodeViews(world).map(standingOf)),
    ...imageSamples(world),
    ...flightSamples(world),
  ]
}

function cacheSamples({ cache: { namespace, name } }: LivingCache, status: CacheStatus): Sample[] {
  const own = { namespace, cache: name }
  const { images, nodes, copies } = status.counts
  const { matched, reachable, withoutAgent, complete, failed } = nodes
  const ofNodes = { matched, reachable, without_agent: withoutAgent, complete, failed }
  const { wanted: _wanted, awaitingWindow = 0, ...others } = copies
  const ofCopies = { ...others, awaiting_window: awaitingWindow }
  const words: readonly CachePhase[] = cachePhaseSchema.options
  return [
    ...wordSamples(metrics.cacheStatus, 'status', { words, word: status.status, labels: own }),
    sample(metrics.cacheImages, own, images),
    ...Object.entries(ofNodes).map(([state, value]) => sample(metrics.cacheNodes, { ...own, state }, value)),
    ...Object.entries(ofCopies).map(([state, value]) => sample(metrics.cacheCopies, { ...own, state }, value)),
    sample(metrics.cacheWantedBytes, own, status.bytes.wanted),
    sample(metrics.cacheMissingBytes, own, status.bytes.wanted - status.bytes.present),
  ]
}

const { link: links, phase: nodePhases } = edgeNodeStatusSchema.shape

/** Every pair of words that a node can have, so that none of them is missing when it is empty. */
function nodeSamples(standings: readonly ReturnType<typeof standingOf>[]): Sample[] {
  const found = new Map<string, number>()
  for (const { link, phase } of standings) found.set(`${link} ${phase}`, (found.get(`${link} ${phase}`) ?? 0) + 1)
  return links.options.flatMap((link) =>
    nodePhases.options
      .filter((phase) => (link === 'NeverSeen') === (phase === 'Declared'))
      .map((phase) => sample(metrics.nodes, { link, phase }, found.get(`${link} ${phase}`) ?? 0)),
  )
}

/** `behind`: nodes have a version, and upstream has said of another one that it is the latest. */
const imageStates = ['current', 'behind', 'missing', 'failed'] as const

function imageSamples({ caches, resolutions }: World): Sample[] {
  const names = new Set(caches.flatMap(({ record }) => (record.purged ? [] : record.names)))
  const states = [...names].map((name) => imageState(resolutions.get(name)))
  return imageStates.map((state) => sample(metrics.images, { state }, count(states, state)))
}

function imageState(resolution: Resolution | undefined): (typeof imageStates)[number] {
  if (resolution?.fault) return 'failed'
  if (!resolution?.mirrored) return 'missing'
  return isCurrent(resolution) ? 'current' : 'behind'
}

function flightSamples({ flights }: World): Sample[] {
  const copies = [...flights.values()].filter(({ bytesTotal }) => bytesTotal !== undefined)
  const missing = copies.reduce((total, { bytesDone, bytesTotal = 0 }) => total + bytesTotal - bytesDone, 0)
  return [
    sample(metrics.inFlight, { activity: 'look-up' }, flights.size - copies.length),
    sample(metrics.inFlight, { activity: 'copy' }, copies.length),
    sample(metrics.inFlightMissingBytes, {}, missing),
  ]
}

function count<T>(all: readonly T[], one: T): number {
  return all.filter((each) => each === one).length
}
