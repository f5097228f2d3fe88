import { describe, expect, it } from 'vitest'
import { aCache, living } from '../testing/world.ts'
import { cacheAnnotations, observeCache } from './observe-cache.ts'
import type { CacheRecord } from '../memory/cache-record.ts'

const at = (now: number) => ({ now, makeUid: () => `uid-${now}` })
const ordered = (...keys: (keyof typeof cacheAnnotations)[]) => ({
  metadata: { name: 'a', annotations: Object.fromEntries(keys.map((key) => [cacheAnnotations[key], ''])) },
})

describe('a cache that is seen', () => {
  const cache = aCache('a', ['nginx', 'redis'])
  const { record } = living(cache)
  const see = (images: readonly string[], more: object = {}, old: CacheRecord = record): CacheRecord =>
    observeCache(old, aCache('a', images, more), at(7))

  it('for the first time gets a uid, unless it brings one', () => {
    expect(record).toMatchObject({ uid: 'uid-a', generation: 1, operation: { reason: 'ImageCacheCreate' } })
    expect(observeCache(undefined, { ...cache, uid: 'k8s' }, at(1)).uid).toBe('k8s')
  })

  it('with another uid is another cache', () => {
    expect(observeCache(record, { ...cache, uid: 'new' }, at(7))).toMatchObject({ uid: 'new', generation: 1 })
  })

  it('unchanged is the same record', () => {
    expect(see(['nginx', 'redis'])).toBe(record)
  })

  it.each<[string, string[], object, Partial<CacheRecord>]>([
    [
      'with one image more',
      ['nginx', 'redis', 'a'],
      {},
      { leaving: [], operation: { reason: 'ImageCacheUpdate', startedAt: 7, deleting: false } },
    ],
    [
      'with one image less',
      ['nginx'],
      {},
      {
        leaving: ['docker.io/library/redis:latest'],
        operation: { reason: 'ImageCacheUpdate', startedAt: 7, deleting: true },
      },
    ],
    ['with other images', ['a'], {}, { operation: { reason: 'ImageCacheUpdate', startedAt: 7, deleting: false } }],
    [
      'with another policy',
      ['nginx', 'redis'],
      { deletionPolicy: 'Purge' },
      { operation: { reason: 'ImageCacheUpdate', startedAt: 7, deleting: false } },
    ],
  ])('%s is a new generation', (_, images, more, expected) => {
    expect(see(images, more)).toMatchObject({ generation: 2, ...expected })
  })

  it.each<[string, object, object]>([
    ['selector', { selector: { matchLabels: { a: 'b' } } }, {}],
    ['list of nodes', { nodeNames: ['n'] }, {}],
    ['priority', { priority: -1 }, {}],
    ['pin', { pin: false }, {}],
    ['refresh frequency', {}, { refreshFrequency: '1h' }],
    ['pull policy', {}, { imagePullPolicy: 'IfNotPresent' }],
    ['parallelism', {}, { parallelism: 0 }],
    ['rate', {}, { transfer: { rate: '1M' } }],
    ['window', {}, { transfer: { windows: [{ start: '22:00', end: '06:00' }] } }],
    ['word whether it stands still', {}, { suspend: true }],
    ['deadline', {}, { imagePullDeadlineDuration: '5m' }],
  ])('with another %s is a new generation', (_, list, more) => {
    const images = ['nginx']
    const plain = living(aCache('a', [{ images }])).record
    const next = observeCache(plain, aCache('a', [{ images, ...list }], more), at(7))
    expect(next).toMatchObject({ generation: 2, names: plain.names, operation: { reason: 'ImageCacheUpdate' } })
  })

  it('is remembered as it was before there were fields that it does not have', () => {
    expect(living(aCache('a', ['nginx'])).record.spec).toBe('[[[["nginx"],[],[]]],[],"keep"]')
  })

  it('obeys an order that was there from the beginning in a cluster', () => {
    const created = (...keys: (keyof typeof cacheAnnotations)[]): CacheRecord =>
      observeCache(undefined, { ...aCache('a', ['nginx'], ordered(...keys)), uid: 'k8s' }, at(7))
    const reason = 'ImageCacheCreate'
    expect(created('refresh')).toMatchObject({ refreshSince: 7, purged: false, operation: { reason } })
    expect(created('purge')).toMatchObject({ purged: true, names: [], operation: { reason: 'ImageCachePurge' } })
  })

  it('takes the coming of an annotation for an order, once', () => {
    const refreshed = see(['nginx', 'redis'], ordered('refresh'))
    expect(refreshed).toMatchObject({ generation: 1, refreshSince: 7, operation: { reason: 'ImageCacheRefresh' } })
    expect(see(['nginx', 'redis'], ordered('refresh'), refreshed)).toBe(refreshed)
    expect(see(['nginx', 'redis'], {}, refreshed)).toEqual({
      ...refreshed,
      annotations: { refresh: false, purge: false },
    })
  })

  it('does not take an annotation that was in a file from the beginning for an order', () => {
    const created = observeCache(undefined, aCache('a', ['nginx'], ordered('purge')), at(1))
    expect(created).toMatchObject({ purged: false, operation: { reason: 'ImageCacheCreate' } })
  })

  it('stays purged until its spec changes or a refresh is ordered', () => {
    const purged = see(['nginx', 'redis'], ordered('purge', 'refresh'))
    expect(purged).toMatchObject({ purged: true, names: [], operation: { reason: 'ImageCachePurge', deleting: true } })
    expect(see(['nginx', 'redis'], {}, purged).purged).toBe(true)
    expect(see(['nginx'], ordered('purge'), purged)).toMatchObject({ purged: false, names: [expect.anything()] })
    const calm = see(['nginx', 'redis'], {}, purged)
    expect(see(['nginx', 'redis'], ordered('refresh'), calm).purged).toBe(false)
  })
})
