import { describe, expect, it } from 'vitest'
import { toImageCache, imageCacheSchema } from '../api/image-cache.ts'
import { imageCacheStatusOf } from '../plan/image-cache-status-of.ts'
import { observeCache } from '../plan/observe-cache.ts'
import type { World } from '../plan/world.ts'
import { aNode, aWorld, mirrored } from '../testing/world.ts'
import { cacheWrites, livingByKey, type CacheWrites, type CacheWritesInput } from './cache-writes.ts'
import type { KubeObject } from './kube-object.ts'

const image = 'docker.io/library/app:1'
const refresh = 'kubefledged.io/refresh-imagecache'

function anObject(metadata: object = {}, spec: object = {}): KubeObject {
  return {
    apiVersion: 'kubefledged.io/v1alpha2',
    kind: 'ImageCache',
    metadata: { name: 'shop', namespace: 'edge', uid: 'uid-shop', resourceVersion: '7', generation: 3, ...metadata },
    spec: { cacheSpec: [{ images: [image] }], ...spec },
  }
}

/** What is written to an object of which the centre knows what stands in it. */
function look(object: KubeObject, more: Partial<CacheWritesInput> = {}): CacheWrites & { readonly world: World } {
  const cache = toImageCache(imageCacheSchema.parse(object))
  const record = observeCache(undefined, cache, { now: 0, makeUid: () => 'none' })
  const resolutions = { [image]: mirrored('1') }
  const caches = object.metadata.deletionTimestamp === undefined ? [{ cache, record }] : []
  const world = aWorld({ caches, resolutions, nodes: [aNode('edge-1')], now: 1 })
  const living = livingByKey(world).get('edge/shop')
  const known = { written: undefined, isDefinitionGoing: false }
  return { world, ...cacheWrites({ object, good: { object, cache }, living, world, ...known, ...more }) }
}

const going = { deletionTimestamp: '2026-11-23T03:00:00Z', finalizers: ['stowage.dev/purge', 'other'] }

describe('what is written to an ImageCache', () => {
  it('is a status that speaks of the generation of the object, once', () => {
    const { status, world } = look(anObject())
    expect(status?.next).toMatchObject({ status: 'Processing', reason: 'ImageCacheCreate', observedGeneration: 3 })
    expect(look({ ...anObject(), status: status?.next })).toEqual({ world })
  })

  it('replaces what kube-fledged wrote', () => {
    const theirs = { status: 'Succeeded', reason: 'ImageCacheRefresh', message: 'x', startTime: '2021-07-22T00:00:00Z' }
    expect(look({ ...anObject(), status: theirs }).status?.next.reason).toBe('ImageCacheCreate')
  })

  it('is not written for ever where the definition does not store it', () => {
    const { status } = look(anObject())
    const stored = { status: 'Processing' }
    const written = { next: status!.next, stored }
    expect(look({ ...anObject(), status: stored }, { written }).status).toBeUndefined()
    expect(look({ ...anObject(), status: {} }, { written }).status).toBeDefined()
  })

  it('takes no order away before its end is written', () => {
    const object = anObject({ annotations: { [refresh]: '' } })
    const { status } = look(object)
    expect(look({ ...object, status: status?.next }).removeAnnotations).toBeUndefined()
  })

  it('holds a cache that is to be purged, and no other one', () => {
    expect(look(anObject({}, { deletionPolicy: 'Purge' })).finalizers).toEqual(['stowage.dev/purge'])
    expect(look(anObject()).finalizers).toBeUndefined()
    expect(look(anObject({ finalizers: ['stowage.dev/purge'] })).finalizers).toEqual([])
  })

  it('lets a deleted one go once no node is told of it any more, and at once if its definition goes', () => {
    const object = anObject(going, { deletionPolicy: 'Purge' })
    expect(look(object)).toMatchObject({ finalizers: ['other'] })
    const { world } = look(anObject())
    expect(imageCacheStatusOf(livingByKey(world).get('edge/shop')!, world)).toBeDefined()
    const told = { ...world, caches: [] }
    expect(look(object, { world: told })).not.toHaveProperty('finalizers')
    expect(look(object, { world: told, isDefinitionGoing: true })).toMatchObject({ finalizers: ['other'] })
    const ended = [...world.assignments].map(([node, { entries, ...assignment }]) => {
      return [node, { ...assignment, entries: entries.map((entry) => ({ ...entry, set: null })) }] as const
    })
    expect(look(object, { world: { ...told, assignments: new Map(ended) } })).toMatchObject({ finalizers: ['other'] })
    expect(look(object).status).toBeUndefined()
  })
})
