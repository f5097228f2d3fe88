import { Fault } from '@stowage/mirror/oci/fault'
import { noMeter } from '@stowage/mirror/metrics/meter'
import { describe, expect, it } from 'vitest'
import type { WrittenStatus } from '../api/written-status.ts'
import { createClusterWriter, type ClusterWriter } from './cluster-writer.ts'
import type { KubeApi, KubeRequest } from './kube-api.ts'
import type { KubeObject } from './kube-object.ts'

const order = 'kubefledged.io/refresh-imagecache'
const seen: KubeObject = {
  apiVersion: 'kubefledged.io/v1alpha2',
  kind: 'ImageCache',
  metadata: { name: 'shop', namespace: 'edge', uid: 'uid', resourceVersion: '1', annotations: { [order]: '' } },
  spec: { cacheSpec: [] },
  status: { status: 'Processing', message: 'a & b' },
}
const status = { status: 'Succeeded' } as WrittenStatus

/** An API server on which somebody changes the object before each of the first writes. */
function whileOthersWrite(...changes: ((object: KubeObject) => KubeObject)[]): {
  readonly writer: ClusterWriter
  readonly asked: string[]
} {
  let object = seen
  const asked: string[] = []
  const request = async ({ method, path, body }: KubeRequest): Promise<unknown> => {
    asked.push(`${method} ${path.split('/').at(-1)}`)
    if (method === 'GET') return structuredClone(object)
    const change = changes.shift()
    if (change) {
      const { metadata, ...rest } = change(object)
      object = {
        ...rest,
        metadata: { ...metadata, resourceVersion: String(Number(object.metadata.resourceVersion) + 1) },
      }
    }
    if (!JSON.stringify(body).includes(`"${object.metadata.resourceVersion}"`)) throw new Fault('conflict', 'changed')
    return { written: body }
  }
  const api: KubeApi = {
    server: '',
    request,
    stream: () => Promise.reject(new Error('no stream')),
    [Symbol.dispose]: () => undefined,
  }
  const writer = createClusterWriter({ api, now: () => 0, meter: noMeter, signal: new AbortController().signal })
  return { writer, asked }
}

const editSpec = (object: KubeObject): KubeObject => ({ ...object, spec: { cacheSpec: [{}] } })
const annotate = ({ metadata, ...rest }: KubeObject): KubeObject => {
  return { ...rest, metadata: { ...metadata, annotations: { ...metadata.annotations, other: '' } } }
}

describe('a write to an object that somebody else edits', () => {
  it.each<[string, (writer: ClusterWriter) => Promise<unknown>]>([
    ['status', (writer) => writer.cacheStatus(seen, status)],
    ['shop', (writer) => writer.finalizers(seen, ['stowage.dev/purge'])],
    ['shop', (writer) => writer.removeAnnotations(seen, [order])],
  ])('changes its own part of it (%s) as often as it takes', async (what, write) => {
    const { writer, asked } = whileOthersWrite(editSpec, annotate)
    expect(JSON.stringify(await write(writer))).toContain('"3"')
    expect(asked).toEqual([`PATCH ${what}`, 'GET shop', `PATCH ${what}`, 'GET shop', `PATCH ${what}`])
  })

  it.each<[string, (object: KubeObject) => KubeObject, (writer: ClusterWriter) => Promise<unknown>]>([
    ['its status', (object) => ({ ...object, status: {} }), (writer) => writer.cacheStatus(seen, status)],
    [
      'its finalizers',
      ({ metadata, ...rest }) => ({ ...rest, metadata: { ...metadata, finalizers: ['other'] } }),
      (writer) => writer.finalizers(seen, []),
    ],
    [
      'that it is there',
      ({ metadata, ...rest }) => ({ ...rest, metadata: { ...metadata, deletionTimestamp: 'now' } }),
      (writer) => writer.finalizers(seen, ['stowage.dev/purge']),
    ],
    [
      'the order',
      ({ metadata, ...rest }) => ({ ...rest, metadata: { ...metadata, annotations: { [order]: 'again' } } }),
      (writer) => writer.removeAnnotations(seen, [order]),
    ],
    [
      'the whole object',
      ({ metadata, ...rest }) => ({ ...rest, metadata: { ...metadata, uid: 'other' } }),
      (writer) => writer.cacheStatus(seen, status),
    ],
  ])('leaves it alone where %s has changed', async (_, change, write) => {
    const { writer } = whileOthersWrite(change)
    await expect(write(writer)).rejects.toMatchObject({ code: 'conflict' })
  })

  it('gives way to who never rests', async () => {
    const { writer, asked } = whileOthersWrite(...Array.from({ length: 9 }, () => editSpec))
    await expect(writer.cacheStatus(seen, status)).rejects.toMatchObject({ code: 'conflict' })
    expect(asked).toHaveLength(9)
  })
})
