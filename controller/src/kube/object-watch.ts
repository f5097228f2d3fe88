import { setTimeout as delay } from 'node:timers/promises'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'
import * as z from 'zod'
import type { KubeApi } from './kube-api.ts'
import { isExpired, kubeFault } from './kube-fault.ts'
import { isOlder, kubeObjectSchema, objectKey, type KubeObject } from './kube-object.ts'
import type { KubeResource } from './kube-resource.ts'

export interface ObjectWatchState {
  /**
   * `starting`: not all of it was listed yet, `objects` is empty. `ready`: as the server has it, or will have told in a
   * moment. `away`: the server cannot be asked; `objects` is what it said last.
   */
  readonly condition: 'starting' | 'ready' | 'away'
  /** Whether everything was listed at least once. */
  readonly isComplete: boolean
  /** Why the server cannot be asked; undefined if it can. */
  readonly fault: Fault | undefined
}

/** All objects of a kind, as they are now. */
export interface ObjectWatch {
  readonly resource: KubeResource
  state(): ObjectWatchState
  /** By key. */
  readonly objects: ReadonlyMap<string, KubeObject>
  /** Of the whole list, when it was read last; undefined before. */
  listVersion(): string | undefined
  /** Uids of objects whose deletion was seen, and not only that they are there no more. */
  readonly deleted: ReadonlySet<string>
  forgetDeletions(uids: ReadonlySet<string>): void
  /** Takes over what a write was answered with, unless something newer is known. That a status was written is no news. */
  take(object: unknown): void
  /** Lists and watches until `signal` aborts. Whatever the server does, `objects` never loses what it did not say to be gone. */
  run(signal: AbortSignal): Promise<void>
}

export interface ObjectWatchOptions {
  readonly api: KubeApi
  readonly resource: KubeResource
  /** Called after each change of state or objects. */
  readonly onChange: () => void
  readonly random: () => number
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly log: Logger
}

const pageSize = 500
const [firstPauseMs, longestPauseMs] = [500, 30_000]

const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  /** Null when there are none and only metadata is asked for. */
  items: z.array(z.unknown()).nullable(),
})
const eventSchema = z.object({ type: z.string(), object: z.unknown() })
const bookmarkSchema = z.object({ metadata: z.object({ resourceVersion: z.string() }) })

/** Lists everything, then watches what becomes of it. */
export function createObjectWatch(options: ObjectWatchOptions): ObjectWatch {
  const { api, resource, onChange, random, now, log } = options
  const objects = new Map<string, KubeObject>()
  const deleted = new Set<string>()
  let state: ObjectWatchState = { condition: 'starting', isComplete: false, fault: undefined }
  /** To go on from; undefined if everything is to be listed first. */
  let version: string | undefined
  let listVersion: string | undefined
  let failures = 0

  function setState(next: ObjectWatchState): void {
    const isNews = next.fault?.message !== state.fault?.message || next.condition !== state.condition
    state = next
    if (!isNews) return
    const { fault } = next
    if (fault) log.warn({ resource: resource.name, err: fault }, 'cluster cannot be watched; what was seen stays')
    else log.info({ resource: resource.name, objects: objects.size }, 'cluster watched')
    onChange()
  }

  function read(json: unknown): KubeObject {
    const { apiVersion, kind } = resource
    const object = kubeObjectSchema.parse(json)
    // Items of lists do not name their kind; who manages which field is large and of no use here.
    const { managedFields: _, ...metadata } = object.metadata
    return { ...object, apiVersion, kind, metadata }
  }

  async function list(signal: AbortSignal): Promise<void> {
    const found = new Map<string, KubeObject>()
    let page: z.infer<typeof listSchema> | undefined
    do {
      const query = {
        limit: String(pageSize),
        continue: page?.metadata.continue,
        fieldSelector: resource.fieldSelector,
      }
      const accept = acceptOf(resource, 'PartialObjectMetadataList')
      page = listSchema.parse(await api.request({ method: 'GET', path: resource.path, query, accept, signal }))
      for (const item of page.items ?? []) {
        const object = read(item)
        found.set(objectKey(object), object)
      }
    } while (page.metadata.continue)
    for (const key of objects.keys()) if (!found.has(key)) objects.delete(key)
    for (const [key, object] of found) objects.set(key, object)
    version = page.metadata.resourceVersion
    listVersion = version
    setState({ condition: 'ready', isComplete: true, fault: undefined })
    onChange()
  }

  async function watch(signal: AbortSignal): Promise<void> {
    const query = {
      watch: '1',
      allowWatchBookmarks: 'true',
      resourceVersion: version,
      fieldSelector: resource.fieldSelector,
      // Servers end watches anyway; not all of them at once.
      timeoutSeconds: String(Math.round(240 + 240 * random())),
    }
    const accept = acceptOf(resource, 'PartialObjectMetadata')
    const events = await api.stream({ method: 'GET', path: resource.path, query, accept, signal })
    setState({ condition: 'ready', isComplete: true, fault: undefined })
    for await (const event of events) {
      obey(eventSchema.parse(event))
      failures = 0
    }
  }

  function obey({ type, object: json }: z.infer<typeof eventSchema>): void {
    if (type === 'ERROR') throw kubeFault(`watch ${resource.path}`, codeOf(json), json)
    if (type === 'BOOKMARK') {
      version = bookmarkSchema.parse(json).metadata.resourceVersion
      return
    }
    const object = read(json)
    const key = objectKey(object)
    const known = objects.get(key)
    version = object.metadata.resourceVersion
    if (known && (isOlder(object, known) || (isSameVersion(object, known) && type !== 'DELETED'))) return
    if (type === 'DELETED') {
      objects.delete(key)
      deleted.add(object.metadata.uid)
    } else objects.set(key, object)
    onChange()
  }

  /** Once: until the server ends the watch, which it does now and then. */
  async function listAndWatch(signal: AbortSignal): Promise<void> {
    if (version === undefined) await list(signal)
    await watch(signal)
  }

  return {
    resource,
    state: () => state,
    objects,
    listVersion: () => listVersion,
    deleted,

    forgetDeletions(uids) {
      for (const uid of uids) deleted.delete(uid)
    },

    take(json) {
      const object = read(json)
      const known = objects.get(objectKey(object))
      if (!known || known.metadata.uid !== object.metadata.uid || !isOlder(known, object)) return
      objects.set(objectKey(object), object)
      if (wordsOf(object) !== wordsOf(known)) onChange()
    },

    async run(signal) {
      while (!signal.aborted) {
        const since = now()
        try {
          await listAndWatch(signal)
          failures = now() - since > longestPauseMs ? 0 : failures + 1
        } catch (error) {
          if (signal.aborted) return
          if (!isFault(error) && !(error instanceof z.ZodError)) throw error
          if (isExpired(error) || isFault(error, 'not-found')) version = undefined
          if (!isExpired(error)) setState({ ...state, condition: afterFault(state), fault: asFault(error, resource) })
          failures++
        }
        await delay(pauseMs(failures, state.fault, random()), undefined, { signal }).catch(() => undefined)
      }
    },
  }
}

function isSameVersion({ metadata: one }: KubeObject, { metadata: other }: KubeObject): boolean {
  return one.uid === other.uid && one.resourceVersion === other.resourceVersion
}

/** All of an object but its status. */
function wordsOf(object: KubeObject): string {
  return JSON.stringify({ ...object, status: undefined, metadata: { ...object.metadata, resourceVersion: undefined } })
}

function afterFault({ isComplete }: ObjectWatchState): ObjectWatchState['condition'] {
  return isComplete ? 'away' : 'starting'
}

/** An answer in no known form comes from something that is no API server, such as a proxy. */
function asFault(error: Fault | z.ZodError, { path }: KubeResource): Fault {
  return isFault(error) ? error : new Fault('unavailable', `${path}: not an answer of an API server`, { cause: error })
}

function pauseMs(failures: number, fault: Fault | undefined, random: number): number {
  if (failures === 0) return 0
  const grown = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures - 1, 10))
  return Math.max(fault?.retryAfterMs ?? 0, grown * (0.5 + 0.5 * random))
}

function acceptOf({ metadataOnly }: KubeResource, as: string): string {
  return metadataOnly ? `application/json;as=${as};g=meta.k8s.io;v=v1` : 'application/json'
}

function codeOf(json: unknown): number {
  return z.object({ code: z.number() }).safeParse(json).data?.code ?? 500
}
