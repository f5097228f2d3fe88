import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Meter } from '@stowage/mirror/metrics/meter'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { EdgeNodeStatus } from '../api/edge-node.ts'
import type { WrittenStatus } from '../api/written-status.ts'
import { controllerMetrics } from '../metrics/controller-metrics.ts'
import type { CacheEvent } from '../plan/events-of.ts'
import type { KubeApi } from './kube-api.ts'
import { kubeObjectSchema, type KubeObject } from './kube-object.ts'
import { edgeNodeResource } from './kube-resource.ts'

/** Writes to a cluster's objects. Each call resolves with the object as it is then. All throw Faults. */
export interface ClusterWriter {
  /** @throws Fault conflict if its status has changed since */
  cacheStatus(object: KubeObject, status: WrittenStatus): Promise<unknown>
  /** @throws Fault conflict if these have changed since */
  removeAnnotations(object: KubeObject, names: readonly string[]): Promise<unknown>
  /** @throws Fault conflict if they have changed since */
  finalizers(object: KubeObject, names: readonly string[]): Promise<unknown>
  /** Records an event once, however often it is called: `mark` tells it from others of the object. */
  event(object: KubeObject, event: CacheEvent, mark: string): Promise<void>
  createEdgeNode(name: string): Promise<void>
  /** @throws Fault conflict if its status has changed since */
  edgeNodeStatus(object: KubeObject, status: EdgeNodeStatus): Promise<unknown>
}

export interface ClusterWriterOptions {
  readonly api: KubeApi
  readonly now: () => number
  readonly meter: Meter
  readonly signal: AbortSignal
}

/** Tools select events by kube-fledged's name. */
const component = 'kubefledged-controller'
const longestEventMessage = 1024
/** Whoever edits an object again and again may be faster as often as that; then it is looked at anew. */
const triesInARace = 4

interface PartChange {
  /** The part, and what else must be as it was. */
  readonly of: (object: KubeObject) => unknown
  readonly path: string
  readonly contentType: string
  readonly change: (metadata: KubeObject['metadata']) => unknown
}

export function createClusterWriter({ api, now, meter, signal }: ClusterWriterOptions): ClusterWriter {
  async function counted<T>(kind: string, write: Promise<T>): Promise<T> {
    try {
      const answer = await write
      meter.add(controllerMetrics.clusterWrites, { kind })
      return answer
    } catch (error) {
      if (isFault(error)) meter.add(controllerMetrics.clusterWriteFailures, { kind, code: error.code })
      throw error
    }
  }

  /**
   * Changes one part of an object on the condition that it is as it was seen, whoever edits the rest meanwhile. Who wrote that
   * part since then may be another replica, which leads now.
   */
  async function changePart(object: KubeObject, { of, path, contentType, change }: PartChange): Promise<unknown> {
    let current = object
    for (let triesLeft = triesInARace; ; triesLeft--) {
      try {
        const body = change(current.metadata)
        return await api.request({ method: 'PATCH', path, body, contentType, signal })
      } catch (error) {
        if (!isFault(error, 'conflict') || triesLeft === 0) throw error
        current = kubeObjectSchema.parse(await api.request({ method: 'GET', path: pathOf(object), signal }))
        if (!isDeepStrictEqual(of(current), of(object))) throw error
      }
    }
  }

  /** Replaces the whole status, whoever wrote what stands there. */
  async function replaceStatus(object: KubeObject, status: unknown): Promise<unknown> {
    try {
      return await changePart(object, {
        of: ({ metadata: { uid }, ...rest }) => [uid, rest['status']],
        path: `${pathOf(object)}/status`,
        contentType: 'application/json-patch+json',
        change: ({ uid, resourceVersion }) => [
          { op: 'test', path: '/metadata/uid', value: uid },
          // Not a test: that would not be answered as a conflict.
          { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
          { op: 'add', path: '/status', value: status },
        ],
      })
    } catch (cause) {
      if (!isFault(cause, 'not-found')) throw cause
      const hint = `unless the object is gone, the definition of ${object.kind} is an old one: apply that of this release`
      throw new Fault('not-found', `${cause.message}; ${hint}`, { cause })
    }
  }

  function changeMetadata(
    object: KubeObject,
    change: object,
    of: (metadata: KubeObject['metadata']) => unknown,
  ): Promise<unknown> {
    return changePart(object, {
      of: ({ metadata }) => [metadata.uid, of(metadata)],
      path: pathOf(object),
      contentType: 'application/merge-patch+json',
      change: ({ uid, resourceVersion }) => ({ metadata: { uid, resourceVersion, ...change } }),
    })
  }

  async function createOnce(path: string, body: unknown): Promise<void> {
    try {
      await api.request({ method: 'POST', path, body, signal })
    } catch (error) {
      if (!isFault(error, 'conflict')) throw error
    }
  }

  return {
    cacheStatus: (object, status) => counted('ImageCache', replaceStatus(object, status)),
    edgeNodeStatus: (object, status) => counted('EdgeNode', replaceStatus(object, status)),

    removeAnnotations: (object, names) =>
      counted(
        'ImageCache',
        changeMetadata(
          object,
          { annotations: Object.fromEntries(names.map((name) => [name, null])) },
          ({ annotations = {} }) => names.map((name) => annotations[name]),
        ),
      ),

    finalizers: (object, names) =>
      counted(
        'ImageCache',
        changeMetadata(object, { finalizers: names }, ({ finalizers, deletionTimestamp }) => [
          finalizers,
          deletionTimestamp,
        ]),
      ),

    event(object, { type, reason, message }, mark) {
      const { name, namespace = 'default', uid, resourceVersion } = object.metadata
      const { apiVersion, kind } = object
      const time = `${new Date(now()).toISOString().slice(0, 19)}Z`
      const hash = createHash('sha256').update(`${uid} ${mark}`).digest('hex').slice(0, 16)
      const event = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: `${name.slice(0, 230)}.${hash}`, namespace },
        involvedObject: { apiVersion, kind, namespace, name, uid, resourceVersion },
        type,
        reason,
        message: message.slice(0, longestEventMessage),
        source: { component },
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
      }
      return counted('Event', createOnce(`/api/v1/namespaces/${namespace}/events`, event))
    },

    createEdgeNode(name) {
      const { apiVersion, kind, path } = edgeNodeResource
      return counted('EdgeNode', createOnce(path, { apiVersion, kind, metadata: { name } }))
    },
  }
}

function pathOf({ apiVersion, kind, metadata: { namespace, name } }: KubeObject): string {
  const plural = `${kind?.toLowerCase()}s`
  return `/apis/${apiVersion}/${namespace === undefined ? '' : `namespaces/${namespace}/`}${plural}/${name}`
}
