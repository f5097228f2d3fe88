import { describe, expect, it } from 'vitest'
import { aCache, aLine, aNode, aWorld, epoch, living, mirrored } from '../testing/world.ts'
import { imageViews } from './image-views.ts'
import { observeCache } from './observe-cache.ts'
import { settlingNodes } from './settling-nodes.ts'
import { statusOf } from './status-of.ts'

const nginx = 'docker.io/library/nginx:1'
const resolutions = { [nginx]: mirrored('v1') }
const nodes = ['x', 'y', 'z'].map((name) => aNode(name, { acknowledged: null }))

describe('the status of a cache that lets nodes wait', () => {
  it.each<[string, object, string]>([
    ['for their turn', { parallelism: 1 }, '2 nodes wait: waits for its turn: spec.parallelism lets 1 of the nodes'],
    ['while it is paused', { parallelism: 0 }, '3 nodes wait: nothing new is told to nodes: spec.parallelism is 0'],
    ['while it is suspended', { suspend: true }, '3 nodes wait: nothing new is told to nodes: spec.suspend is set'],
  ])('says that they wait %s', (_, spec, words) => {
    const cache = living(aCache('a', ['nginx:1'], spec))
    const world = aWorld({ caches: [cache], nodes, resolutions })
    const { status, counts, conditions } = statusOf(cache, world)
    expect({ status, copies: counts.copies }).toMatchObject({ status: 'Processing', copies: { wanted: 3, waiting: 3 } })
    expect(conditions.find(({ type }) => type === 'Synced')?.message).toContain(words)
    const held = imageViews(world).filter(({ state }) => state === 'held')
    expect(held.length).toBe(Number(words[0]))
    expect(held[0]?.message).toContain(words.slice('2 nodes wait: '.length))
  })

  it('has a condition while it is suspended, and stays what it was', () => {
    const present = aNode('x', { images: [aLine(nginx, 'v1')] })
    const cache = living(aCache('a', ['nginx:1'], { suspend: true }))
    const world = aWorld({ caches: [cache], nodes: [present], resolutions })
    const { status, conditions } = statusOf(cache, world)
    expect(status).toBe('Succeeded')
    expect(conditions.at(-1)).toMatchObject({ type: 'Suspended', status: 'True', reason: 'Suspended' })
  })

  it('goes on until nodes that wait have heard of an image that was taken out', () => {
    const before = living(aCache('a', [{ images: ['nginx:1', 'redis:1'] }]))
    const told = [...aWorld({ caches: [before], nodes, resolutions }).assignments.values()]
    const smaller = aCache('a', ['nginx:1'], { parallelism: 0 })
    const paused = { cache: smaller, record: observeCache(before.record, smaller, { now: 5, makeUid: () => 'u' }) }
    const done = aNode('x', { acknowledged: { epoch, sequence: 9 }, images: [aLine(nginx, 'v1')] })
    const world = aWorld({ caches: [paused], nodes: [done], resolutions, previous: told })
    expect(settlingNodes(paused, world).map(({ name }) => name)).toEqual(['x'])
    expect(statusOf(paused, world).status).toBe('Processing')
  })
})
