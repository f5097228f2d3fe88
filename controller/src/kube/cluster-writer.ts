import { createHash } from 'node:crypto'
import type { Meter } from '@stowage/mirror/metrics/meter'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { EdgeNodeStatus } from '../api/edge-node.ts'
import type { WrittenStatus } from '../api/written-status.ts'
import { controllerMetrics } from '../metrics/controller-metrics.ts'
import type { CacheEvent } from '../plan/events-of.ts'
import type { KubeApi } from './kube-api.ts'
import type { KubeObject } from './kube-object.ts'
import { edgeNodeResource } from './kube-resource.ts'

/** Writes to a cluster's objects. Each call resolves with the object as it is then. All throw Faults. */
export interface ClusterWriter {
  /** @throws Fault conflict if its status has changed since */
  cacheStatus(object: KubeObject, status: WrittenStatus): Promise<unknown>
  /** @throws Fault conflict if the object has changed since */
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
/** All that API servers say of a JSON patch of which a test failed. */
const failedTest = /the server rejected our request due to an error in our request/

/** What is replaced of an object. */
interface Part {
  readonly path: string
  /** RFC 6901. */
  readonly pointer: string
  readonly seen: unknown
  readonly value: unknown
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
   * Replaces one part of an object, whoever edits the rest of it meanwhile: only of this very object, and only as that part was
   * seen. Who wrote it since then may be another replica, which leads now.
   */
  async function replacePart(object: KubeObject, { path, pointer, seen, value }: Part): Promise<unknown> {
    const body = [
      { op: 'test', path: '/metadata/uid', value: object.metadata.uid },
      // What is absent is null to API servers.
      { op: 'test', path: pointer, value: seen ?? null },
      { op: 'add', path: pointer, value },
    ]
    try {
      return await api.request({ method: 'PATCH', path, body, contentType: 'application/json-patch+json', signal })
    } catch (cause) {
      if (!isFault(cause, 'invalid') || !failedTest.test(cause.message)) throw cause
      throw new Fault('conflict', `${cause.message}: ${pointer} has changed since`, { cause })
    }
  }

  async function replaceStatus(object: KubeObject, status: unknown): Promise<unknown> {
    const path = `${pathOf(object)}/status`
    try {
      return await replacePart(object, { path, pointer: '/status', seen: object['status'], value: status })
    } catch (cause) {
      if (!isFault(cause, 'not-found')) throw cause
      const hint = `unless the object is gone, the definition of ${object.kind} is an old one: apply that of this release`
      throw new Fault('not-found', `${cause.message}; ${hint}`, { cause })
    }
  }

  function replaceFinalizers(object: KubeObject, names: readonly string[]): Promise<unknown> {
    const seen = object.metadata.finalizers
    return replacePart(object, { path: pathOf(object), pointer: '/metadata/finalizers', seen, value: names })
  }

  function changeMetadata(object: KubeObject, change: object): Promise<unknown> {
    const { uid, resourceVersion } = object.metadata
    const body = { metadata: { uid, resourceVersion, ...change } }
    const contentType = 'application/merge-patch+json'
    return api.request({ method: 'PATCH', path: pathOf(object), body, contentType, signal })
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
        changeMetadata(object, { annotations: Object.fromEntries(names.map((name) => [name, null])) }),
      ),

    finalizers: (object, names) => counted('ImageCache', replaceFinalizers(object, names)),

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
