import { describe, expect, it } from 'vitest'
import { writtenStatusSchema, type WrittenStatus } from '../api/written-status.ts'
import { aCache, aLine, aNode, aWorld, faulty, living, mirrored, type WorldSpec } from '../testing/world.ts'
import { imageCacheStatusOf, isNewStatus } from './image-cache-status-of.ts'

const nginx = 'docker.io/library/nginx:1'
const cache = living(aCache('a', ['nginx:1'], { metadata: { generation: 7, uid: 'u' } }))
const fetching = (bytesHere: number) => aNode('x', { images: [aLine(nginx, 'v1', { state: 'fetching', bytesHere })] })
const here = aNode('y', { images: [aLine(nginx, 'v1')] })

function written(spec: WorldSpec): WrittenStatus {
  const world = aWorld({ caches: [cache], resolutions: { [nginx]: mirrored('v1', 5_000_000) }, ...spec })
  return writtenStatusSchema.parse(imageCacheStatusOf(cache, world))
}

describe('the status of an ImageCache in a cluster', () => {
  it("speaks of the cluster's generation, and has words for columns", () => {
    expect(written({ nodes: [here, fetching(40)] })).toMatchObject({
      status: 'Processing',
      observedGeneration: 7,
      summary: { nodes: '1/2', bytes: '140 B of 10.0 MB' },
    })
  })

  it('is not known as long as nobody has looked at the latest spec', () => {
    const edited = { ...cache, cache: aCache('a', ['nginx:2'], { metadata: { generation: 8, uid: 'u' } }) }
    expect(imageCacheStatusOf(edited, aWorld({ caches: [edited] }))).toBeUndefined()
  })

  it('is worth a write when a copy is in place, not when bytes come', () => {
    const before = written({ nodes: [here, fetching(40)] })
    expect(isNewStatus(before, written({ nodes: [here, fetching(60)] }))).toBe(false)
    expect(isNewStatus(before, written({ nodes: [here, { ...here, name: 'x' }] }))).toBe(true)
  })

  it.each([
    ['nothing', undefined],
    ['what kube-fledged wrote', { status: 'Aborted', reason: 'ImagePullAborted', message: '', startTime: null }],
    ['what is no status', 'Succeeded'],
  ])('is worth a write over %s', (_, before) => {
    expect(isNewStatus(before, written({ nodes: [here] }))).toBe(true)
  })

  it('names at most 50 nodes for an image, and counts all', () => {
    const fault = { code: 'no-space' as const, message: 'disk full', attempts: 3, retryInMs: 5 }
    const images = [aLine(nginx, 'v1', { state: 'waiting', fault })]
    const { failures, failedNodes, counts } = written({
      nodes: Array.from({ length: 60 }, (__, index) => aNode(`n${index}`, { images })),
    })
    expect(failures?.['nginx:1']).toHaveLength(50)
    expect(failedNodes).toEqual({ 'nginx:1': 60 })
    expect(counts.nodes).toEqual({ matched: 60, reachable: 60, withoutAgent: 0, complete: 0, failed: 60 })
  })

  it('has room for a large fleet on which everything fails for a long reason', () => {
    const names = Array.from({ length: 300 }, (__, index) => `registry.example/works/image-${index}:v1`)
    const large = living(aCache('a', [{ images: names }]))
    const nodes = Array.from({ length: 60 }, (__, index) => ({ ...here, name: `ship-${index}` }))
    const fault = { ...faulty('denied').fault!, message: 'ß'.repeat(5000) }
    const resolutions = Object.fromEntries(names.map((name) => [name, { ...faulty('denied'), fault }]))
    const status = imageCacheStatusOf(large, aWorld({ caches: [large], nodes, resolutions }))
    expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThan(256 * 1024)
    expect(Object.keys(status?.failures ?? {}).length).toBeGreaterThan(50)
    expect(Object.values(status?.failedNodes ?? {})[0]).toBe(60)
    expect(status?.counts.copies.failed).toBe(300 * 60)
  })
})
