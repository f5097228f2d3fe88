import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { Logger } from 'pino'
import type { ImageCache } from '../api/image-cache.ts'
import { createBell } from '../bell.ts'
import { pullSecretForbidden } from '../plan/pull-secret-forbidden.ts'
import { restAfter } from '../rest-after.ts'
import { createStopwatch } from '../stopwatch.ts'
import type { SourceProblem, SourceState, Wishes, WishSource } from '../sources/wish-source.ts'
import { openBelievedObjects, type BelievedObjects } from './believed-objects.ts'
import { cacheProblems, cachesInForce } from './caches-in-force.ts'
import { readCacheObject, type CacheObject } from './image-cache-objects.ts'
import type { KubeApi } from './kube-api.ts'
import { objectKey, type KubeObject } from './kube-object.ts'
import { edgeNodeResource, imageCacheResource, nodeResource, type KubeResource } from './kube-resource.ts'
import { createNodeReader } from './node-reader.ts'
import { createObjectWatch, type ObjectWatch } from './object-watch.ts'
import { createPullSecrets, type PullSecrets } from './pull-secrets.ts'

export interface KubeSourceOptions {
  readonly api: KubeApi
  /** Remembers what was there, for the next start. Credentials are not kept. */
  readonly objects: ObjectStore
  readonly log: Logger
  readonly now?: () => number
  readonly random?: () => number
  /** Objects that come back one by one are complete when none has come for so long. */
  readonly settleMs?: number
  /** Called after each look, whether or not wishes have changed. */
  readonly onLook?: () => void
}

/** A cluster as a source of wishes, and what there is of it to write to. */
export interface KubeSource extends WishSource {
  readonly imageCaches: ObjectWatch
  readonly edgeNodes: ObjectWatch
  /** What of the ImageCaches is in force, by key. */
  caches(): ReadonlyMap<string, CacheObject>
  /** Whether it is believed that there is an EdgeNode of this name. */
  hasEdgeNode(name: string): boolean
  /** Names of EdgeNodes that were there at the last run. */
  readonly rememberedEdgeNodes: ReadonlySet<string>
  /** Whether ImageCaches go because their definition does: then they empty no node. */
  isDefinitionGoing(): boolean
}

/** How often a cluster that cannot be believed is looked at again. */
const doubtMs = 1000
const leastRestMs = 50

/** Opens a cluster as a source of wishes. The API server need not be there. */
export async function openKubeSource(options: KubeSourceOptions): Promise<KubeSource> {
  const { api, objects, log, now = Date.now, random = Math.random, settleMs = 30_000 } = options
  const bell = createBell()
  const watching = { api, onChange: () => bell.ring(), random, now, log }
  const watchOf = (resource: KubeResource): ObjectWatch => createObjectWatch({ ...watching, resource })
  const [imageCaches, edgeNodes, nodes] = [
    watchOf(imageCacheResource),
    watchOf(edgeNodeResource),
    watchOf(nodeResource),
  ]
  const looking = createStopwatch(() => performance.now())
  const believing = { api, objects, now, log, settleMs, looking }
  const caches = new Map<string, CacheObject>()
  const believed = {
    caches: await openBelievedObjects({
      ...believing,
      watch: imageCaches,
      definition: 'imagecaches.kubefledged.io',
      trim: (object) => withoutStatus(readCache(object).good?.object ?? object),
    }),
    edgeNodes: await openBelievedObjects({
      ...believing,
      watch: edgeNodes,
      definition: 'edgenodes.stowage.dev',
      trim: withoutStatus,
    }),
    nodes: await openBelievedObjects({ ...believing, watch: nodes, definition: undefined, trim: labelsOnly }),
  }
  for (const object of believed.caches.all().values()) readCache(object)
  const rememberedEdgeNodes = new Set(believed.edgeNodes.all().keys())
  let inForce: ReadonlyMap<string, ImageCache> = new Map()
  const readNodes = createNodeReader()
  const remembered: SourceState['remembered'] = {
    caches: [...cachesInForce(caches).values()],
    nodes: readNodes(believed.edgeNodes.all(), believed.nodes.all()).items,
  }
  let state: SourceState = {
    wishes: undefined,
    remembered,
    condition: 'starting',
    message: 'not read yet',
    problems: [],
  }
  let wishes: Wishes | undefined
  let onChange = (): void => undefined

  function readCache(object: KubeObject): CacheObject {
    const key = objectKey(object)
    const read = readCacheObject(object, caches.get(key))
    caches.set(key, read)
    return read
  }

  async function look(secrets: PullSecrets, signal: AbortSignal): Promise<void> {
    for (const each of Object.values(believed)) await each.look(signal)
    looking.time(() => read(secrets))
  }

  function read(secrets: PullSecrets): void {
    for (const key of caches.keys()) if (!believed.caches.all().has(key)) caches.delete(key)
    for (const object of believed.caches.all().values()) readCache(object)
    const nodesRead = readNodes(believed.edgeNodes.all(), believed.nodes.all())
    const next = cachesInForce(caches)
    const withSecrets = [...next.values()].filter(({ pullSecrets }) => pullSecrets.length > 0)
    secrets.follow(new Set(withSecrets.map(({ namespace }) => namespace)))
    const isReady = ({ namespace, pullSecrets }: ImageCache): boolean =>
      pullSecrets.length === 0 || !secrets.isStarting(namespace)
    // A watch may have been completed after its objects were looked at.
    const isAllRead = Object.values<BelievedObjects>(believed).every((each) => each.isTakenOver())
    if (isAllRead && (wishes || [...next.values()].every(isReady))) {
      inForce = new Map(
        [...next].flatMap(([key, cache]) => {
          // Without its secrets a version would fail where nothing is wrong.
          const taken = isReady(cache) ? cache : inForce.get(key)
          return taken ? [[key, taken] as const] : []
        }),
      )
      wishes = wishesOf(secrets, nodesRead.items)
    }
    setState(stateOf(secrets, nodesRead.problems))
  }

  function wishesOf(secrets: PullSecrets, edge: Wishes['nodes']): Wishes {
    const next: Wishes = {
      caches: [...inForce.values()],
      secrets: secrets.read().secrets,
      nodes: edge,
      forbiddenSecrets: secrets.forbidden(),
    }
    return wishes?.nodes === edge && textOf(next) === textOf(wishes) ? wishes : next
  }

  function stateOf(secrets: PullSecrets, nodeProblems: readonly SourceProblem[]): SourceState {
    const problems: SourceProblem[] = [
      ...cacheProblems(caches),
      ...nodeProblems,
      ...secrets.read().problems,
      ...[...secrets.forbidden()].map(([namespace, message]): SourceProblem => {
        return {
          severity: 'error',
          file: `Secrets of namespace ${namespace}`,
          message: `${pullSecretForbidden}: ${message}`,
        }
      }),
    ]
    const held = Object.values<BelievedObjects>(believed).flatMap((each) => each.held() ?? [])
    const faults = watches().flatMap((watch) => watch.state().fault?.message ?? [])
    const known = { wishes, remembered: wishes ? undefined : remembered, problems }
    const effect = wishes ? 'what was read before stays in force' : 'nothing is published until it can be read'
    if (faults.length > 0) {
      return { ...known, condition: 'unreadable', message: `${[...held, ...faults].join('; ')}; ${effect}` }
    }
    if (!wishes) return { ...known, condition: 'starting', message: 'not all of the cluster is read yet' }
    return { ...known, condition: held.length > 0 ? 'held' : 'ready', message: held.join('; ') }
  }

  const watches = (): readonly ObjectWatch[] => [imageCaches, edgeNodes, nodes]

  function setState(next: SourceState): void {
    const isNews = wordsOf(next) !== wordsOf(state)
    const isOther = next.wishes !== state.wishes
    if (isNews) tell(next, state)
    state = next
    if (isNews || isOther) onChange()
  }

  function tell({ condition, message, problems }: SourceState, before: SourceState): void {
    const told = new Set(before.problems.map((problem) => JSON.stringify(problem)))
    if (condition === 'held' || condition === 'unreadable') log.warn({ condition, reason: message }, 'wishes held')
    for (const problem of problems.filter((each) => !told.has(JSON.stringify(each)))) {
      const { severity: _, message: reason, ...where } = problem
      log.warn({ ...where, reason }, 'object not taken over')
    }
  }

  async function lookAgainAndAgain(signal: AbortSignal): Promise<void> {
    const secrets = createPullSecrets({ ...watching, signal })
    try {
      while (!signal.aborted) {
        const begunAt = performance.now()
        await look(secrets, signal)
        const lookedMs = looking.take()
        const wroteMs = performance.now() - begunAt - lookedMs
        options.onLook?.()
        const isInDoubt = Object.values<BelievedObjects>(believed).some((each) => each.held() !== undefined)
        await bell.wait({ timeoutMs: isInDoubt ? doubtMs : Infinity, signal })
        // A burst of changes is one look.
        await createBell().wait({ timeoutMs: restAfter({ lookedMs, wroteMs, leastMs: leastRestMs }), signal })
      }
    } finally {
      await secrets.close()
    }
  }

  return {
    name: `cluster ${api.server}`,
    state: () => state,
    imageCaches,
    edgeNodes,
    caches: () => caches,
    hasEdgeNode: (name) => believed.edgeNodes.all().has(name),
    rememberedEdgeNodes,
    isDefinitionGoing: () => believed.caches.isGoing(),
    async run({ signal, onChange: callback }) {
      onChange = callback
      const stop = new AbortController()
      const until = AbortSignal.any([signal, stop.signal])
      const loops = [...watches().map((watch) => watch.run(until)), lookAgainAndAgain(until)]
      try {
        await Promise.all(loops)
      } finally {
        stop.abort()
        await Promise.allSettled(loops)
      }
    },
  }
}

function withoutStatus(object: KubeObject): KubeObject {
  return { ...object, status: undefined }
}

function labelsOnly({ metadata: { name, uid, resourceVersion, labels } }: KubeObject): KubeObject {
  return { metadata: { name, uid, resourceVersion, ...(labels ? { labels } : {}) } }
}

/** All but the nodes. A Secret's text is compared too, and never shown. */
function textOf({ caches, secrets, forbiddenSecrets = new Map() }: Wishes): string {
  return JSON.stringify([caches, secrets, [...forbiddenSecrets]])
}

function wordsOf({ condition, message, problems }: SourceState): string {
  return JSON.stringify([condition, message, problems])
}
