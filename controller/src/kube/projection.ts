import { noMeter, type Meter } from '@stowage/mirror/metrics/meter'
import { isFault, type Fault } from '@stowage/mirror/oci/fault'
import PQueue from 'p-queue'
import type { Logger } from 'pino'
import type { Bell } from '../bell.ts'
import { createBell } from '../bell.ts'
import type { World } from '../plan/world.ts'
import { restAfter } from '../rest-after.ts'
import { cacheWrites, livingByKey, type CacheWrites, type WrittenBefore } from './cache-writes.ts'
import { createClusterWriter, type ClusterWriter } from './cluster-writer.ts'
import type { CacheObject } from './image-cache-objects.ts'
import type { KubeApi } from './kube-api.ts'
import type { KubeObject } from './kube-object.ts'
import type { KubeSource } from './kube-source.ts'
import { nextTurns } from './next-turns.ts'
import type { NodeWrite } from './node-write.ts'
import { createNodeWrites } from './node-writes.ts'

export interface ProjectionOptions {
  readonly api: KubeApi
  readonly source: KubeSource
  /** Rings when objects may have changed. */
  readonly bell: Bell
  readonly now: () => number
  readonly log: Logger
  readonly meter?: Meter
  /** The least time between two writes of one ImageCache's status, in milliseconds. */
  readonly statusEveryMs?: number
}

type ForgetNode = (node: string) => Promise<unknown>

/** What the centre knows, as it stands in a cluster's objects. */
export interface Projection {
  /** To be called with what is known after each step of the centre. */
  show(world: World, forgetNode: ForgetNode): void
  /** Writes until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
}

/** Several writes go on at a time; each object has one at most. */
const concurrency = 8
const leastRestMs = 200
/** Of EdgeNodes, before ImageCaches are looked at again: so many, or one part of so many of all there are. */
const leastNodeWrites = 500
const nodeWriteShare = 8
/** An EdgeNode that was made is listed within this time, in milliseconds. */
const listedWithinMs = 10_000
const [firstPauseMs, longestPauseMs] = [1000, 60_000]
/** After somebody else wrote the same object: whoever edits without a pause must not keep a status from being written. */
const afterRaceMs = 250

interface Trouble {
  readonly failures: number
  readonly retryAt: number
}

/** Level-based: what is to be written follows from the world and the objects, and is looked for again after each write. */
export function createProjection(options: ProjectionOptions): Projection {
  const { api, source, bell, now, log, meter = noMeter, statusEveryMs = 5000 } = options
  const { imageCaches, edgeNodes } = source
  const queue = new PQueue({ concurrency })
  const troubles = new Map<string, Trouble>()
  const written = new Map<string, WrittenBefore & { readonly at: number }>()
  const invalidTold = new Set<string>()
  const nodeWrites = createNodeWrites()
  let world: World | undefined
  let forgetNode: ForgetNode | undefined
  /** Names of EdgeNodes that were there: whoever deletes one while the centre is away means it, too. */
  const seen = new Set(source.rememberedEdgeNodes)
  /** Names of nodes that the world of the moment still has, and the centre has not. */
  const forgotten = new Set<string>()
  /** When EdgeNodes were made that are not listed yet. */
  const made = new Map<string, number>()
  let lastTurn: string | undefined
  let nextAt = Infinity
  /** Thrown where somebody waits for it. */
  let bug: Error | undefined

  function dueAgain(at: number): void {
    nextAt = Math.min(nextAt, at)
  }

  /** Does it unless it failed a moment ago; what fails is tried again later. */
  function attempt(name: string, write: () => Promise<unknown>): void {
    const trouble = troubles.get(name)
    if (trouble && trouble.retryAt > now()) return dueAgain(trouble.retryAt)
    void queue.add(async () => {
      try {
        await write()
        troubles.delete(name)
      } catch (error) {
        if (isFault(error)) noteTrouble(name, trouble, error)
        else bug ??= error instanceof Error ? error : new Error(String(error))
      }
    })
  }

  function noteTrouble(name: string, before: Trouble | undefined, err: Fault): void {
    // Somebody was faster: the next look knows what is there now.
    const isRace = err.code === 'conflict' || err.code === 'not-found'
    const failures = (before?.failures ?? 0) + 1
    const grown = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures - 1, 10))
    const pause = err.code === 'conflict' ? afterRaceMs : grown
    const retryAt = now() + Math.max(pause, err.retryAfterMs ?? 0)
    troubles.set(name, { failures, retryAt })
    dueAgain(retryAt)
    const level = isRace && failures < 3 ? 'debug' : failures === 1 || failures === 3 ? 'warn' : 'debug'
    log[level]({ object: name, err, retryInMs: retryAt - now() }, 'not written to the cluster')
  }

  /** Resolves with how long to rest. */
  async function write(writer: ClusterWriter, known: World): Promise<number> {
    const begunAt = now()
    nextAt = Infinity
    const living = livingByKey(known)
    for (const [key, object] of imageCaches.objects) {
      const read = source.caches().get(key)
      const good = read?.good
      const { uid } = object.metadata
      const isDefinitionGoing = source.isDefinitionGoing()
      const before = written.get(uid)
      const own = living.get(key)
      const ofThis = own?.record.uid === uid ? own : undefined
      const writes = cacheWrites({ object, good, living: ofThis, world: known, written: before, isDefinitionGoing })
      writeCache(writer, { key, object, writes, writtenAt: before?.at })
      if (read?.object === object) tellInvalid(writer, key, read)
    }
    writeNodes(writer, known)
    const lookedMs = now() - begunAt
    await queue.onIdle()
    if (bug) throw bug
    return restAfter({ lookedMs, wroteMs: now() - begunAt - lookedMs, leastMs: leastRestMs })
  }

  function writeCache(writer: ClusterWriter, { key, object, writes, writtenAt }: CacheTurn): void {
    const name = `ImageCache ${key}`
    const { finalizers, removeAnnotations, status } = writes
    if (finalizers) {
      attempt(name, async () => imageCaches.take(await writer.finalizers(object, finalizers)))
    } else if (removeAnnotations) {
      attempt(name, async () => imageCaches.take(await writer.removeAnnotations(object, removeAnnotations)))
    } else if (status) {
      const due = (writtenAt ?? -Infinity) + statusEveryMs
      if (due > now()) return dueAgain(due)
      attempt(name, () => writeStatus(writer, object, status))
    }
  }

  /** The event first, which is recorded once: if both cannot be done, both are tried again. */
  async function writeStatus(
    writer: ClusterWriter,
    object: KubeObject,
    { next, events }: NonNullable<CacheWrites['status']>,
  ): Promise<void> {
    const mark = [next.status, next.reason, next.startTime].join(' ')
    for (const event of events) await record(() => writer.event(object, event, mark), object)
    const answer = await writer.cacheStatus(object, next)
    written.set(object.metadata.uid, { next, stored: (answer as { status?: unknown }).status, at: now() })
    imageCaches.take(answer)
    bell.ring()
  }

  /** That no event may be recorded keeps nobody from writing the status. */
  async function record(write: () => Promise<void>, { metadata: { namespace, name } }: KubeObject): Promise<void> {
    try {
      await write()
    } catch (err) {
      if (!isFault(err) || err.code === 'unavailable') throw err
      log.warn({ object: `ImageCache ${namespace}/${name}`, err }, 'event not recorded')
    }
  }

  function tellInvalid(writer: ClusterWriter, key: string, { object, problems }: CacheObject): void {
    const message = problems.map((problem) => `${problem.field}: ${problem.message}`).join('; ')
    const mark = `${object.metadata.generation} ${message}`
    if (problems.length === 0 || invalidTold.has(`${key} ${mark}`)) return
    attempt(`event of ImageCache ${key}`, async () => {
      await writer.event(object, { type: 'Warning', reason: 'CacheSpecValidationFailed', message }, mark)
      invalidTold.add(`${key} ${mark}`)
    })
  }

  function writeNodes(writer: ClusterWriter, known: World): void {
    if (!edgeNodes.state().isComplete) return
    const writeOf = nodeWrites(known)
    const wanted = known.nodes.flatMap((node) => {
      const { name } = node
      if (forgotten.has(name)) return []
      const isBelieved = source.hasEdgeNode(name)
      const object = edgeNodes.objects.get(name)
      const write = writeOf(node, { object, isBelieved, wasThere: seen.has(name), now: now() })
      if (isBelieved) seen.add(name)
      if (object) made.delete(name)
      return write && !isMade(name, write) ? [{ name, write }] : []
    })
    const most = Math.max(leastNodeWrites, Math.ceil(known.nodes.length / nodeWriteShare))
    const { turns, isMore } = nextTurns(wanted, { after: lastTurn, most })
    for (const { name, write } of turns) attempt(`EdgeNode ${name}`, () => writeNode(writer, name, write))
    lastTurn = turns.at(-1)?.name
    if (isMore) dueAgain(now())
  }

  /** Whether it was made a moment ago: the server will tell. */
  function isMade(name: string, { kind }: NodeWrite): boolean {
    const at = made.get(name)
    if (kind !== 'create' || at === undefined) return false
    if (now() - at < listedWithinMs) dueAgain(at + listedWithinMs)
    return now() - at < listedWithinMs
  }

  async function writeNode(writer: ClusterWriter, name: string, write: NodeWrite): Promise<void> {
    if (write.kind === 'create') {
      await writer.createEdgeNode(name)
      made.set(name, now())
    }
    if (write.kind === 'status') edgeNodes.take(await writer.edgeNodeStatus(write.object, write.status))
    if (write.kind === 'forget') {
      await forgetNode?.(name)
      seen.delete(name)
      forgotten.add(name)
    }
  }

  return {
    show(next, forget) {
      world = next
      forgotten.clear()
      forgetNode = forget
      bell.ring()
    },

    async run(signal) {
      const writer = createClusterWriter({ api, now, meter, signal })
      while (!signal.aborted) {
        const isThere = imageCaches.state().condition === 'ready'
        let restMs = leastRestMs
        try {
          if (world && isThere) restMs = await write(writer, world)
        } catch (error) {
          // What is under way at the end is left to the next start.
          if (!signal.aborted) throw error
        }
        await bell.wait({ timeoutMs: Math.max(0, nextAt - now()), signal })
        await createBell().wait({ timeoutMs: restMs, signal })
      }
    },
  }
}

interface CacheTurn {
  readonly key: string
  readonly object: KubeObject
  readonly writes: CacheWrites
  readonly writtenAt: number | undefined
}
