import { describe, expect, it } from 'vitest'
import type { ImageReport } from '@stowage/mirror/edge/report'
import { aCache, aLine, aNode, aWorld, living, mirrored } from '../testing/world.ts'
import { imageViews } from './image-views.ts'
import { statusOf } from './status-of.ts'

const nginx = 'docker.io/library/nginx:1'
const resolutions = { [nginx]: mirrored('v1') }
const cache = living(aCache('a', ['nginx:1'], { transfer: { windows: [{ start: '22:00', end: '06:00' }] } }))
const noon = Date.parse('2026-11-23T12:00:07Z')
const tenHoursMs = 10 * 3600_000

const shut = (name: string, opensInMs: number | null, heardAt = noon) => {
  const line: Partial<ImageReport> = { state: 'waiting', bytesHere: 40, window: { opensInMs } }
  return aNode(name, { images: [aLine(nginx, 'v1', line)] }, heardAt)
}
const worldOf = (nodes: Parameters<typeof aWorld>[0]['nodes'] = []) =>
  aWorld({ caches: [cache], nodes, resolutions, now: noon + 1000 })
const syncedOf = (nodes: Parameters<typeof worldOf>[0]) =>
  statusOf(cache, worldOf(nodes)).conditions.find(({ type }) => type === 'Synced')?.message

describe('the status of a cache whose nodes wait for a window', () => {
  it('goes on, counts them apart, and says when the next one opens', () => {
    const here = aNode('z', { images: [aLine(nginx, 'v1')] }, noon)
    const nodes = [shut('x', tenHoursMs - 7400), shut('y', 2 * tenHoursMs), here]
    const { status, counts } = statusOf(cache, worldOf(nodes))
    const copies = { wanted: 3, present: 1, fetching: 0, waiting: 0, awaitingWindow: 2, failed: 0 }
    expect({ status, copies: counts.copies }).toEqual({ status: 'Processing', copies })
    expect(syncedOf(nodes)).toBe(
      '1 of 3 copies are in place; 2 nodes wait for their window (next at 2026-11-23T22:00Z)',
    )
  })

  it('says so without a time while nobody knows it', () => {
    expect(syncedOf([shut('x', null)])).toBe('0 of 1 copies are in place; 1 node waits for its window')
  })

  it('is that of nodes that are offline where these are, whatever they waited for', () => {
    const nodes = [shut('x', tenHoursMs, noon - 3600_000)]
    expect(statusOf(cache, worldOf(nodes)).status).toBe('AwaitingOfflineNodes')
    expect(syncedOf(nodes)).not.toContain('window')
    expect(imageViews(worldOf(nodes))[0]?.message).toContain('last said 40 %')
  })

  it('is said of each image, too', () => {
    expect(imageViews(worldOf([shut('x', tenHoursMs)]))).toMatchObject([
      { state: 'waiting', percent: 40, message: 'waits for its window, which opens at 2026-11-23T22:00:00Z' },
    ])
    expect(imageViews(worldOf([shut('x', null)]))[0]?.message).toBe('waits for its window')
  })
})
