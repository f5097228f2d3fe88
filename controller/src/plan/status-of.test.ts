import { imageStateSchema, type ImageReport, type Report } from '@stowage/mirror/edge/report'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cacheStatusSchema, type CacheStatus } from '../api/cache-status.ts'
import { unresolved, type Resolution } from '../memory/resolution.ts'
import {
  aCache,
  aLine,
  aNode,
  aRoot,
  aWorld,
  epoch,
  faulty,
  living,
  mirrored,
  type WorldSpec,
} from '../testing/world.ts'
import type { LivingCache } from './living-cache.ts'
import { observeCache } from './observe-cache.ts'
import { statusOf } from './status-of.ts'

const nginx = 'docker.io/library/nginx:1'
const cache = living(aCache('a', ['nginx:1']))
const late = 60_001
const here = [aLine(nginx, 'v1')]
const fetching = [aLine(nginx, 'v1', { state: 'fetching', bytesHere: 40 })]
const failing = [
  aLine(nginx, 'v1', {
    state: 'waiting',
    bytesHere: 40,
    fault: { code: 'no-space', message: 'disk full', attempts: 3, retryInMs: 5 },
  }),
]

function status(spec: WorldSpec, of: LivingCache = cache): CacheStatus {
  const resolutions = { [nginx]: mirrored('v1') }
  return cacheStatusSchema.parse(statusOf(of, aWorld({ caches: [of], resolutions, ...spec })))
}
const node = (name: string, images: readonly ImageReport[], more: Partial<Report> = {}, receivedAt = 0) =>
  aNode(name, { images: [...images], ...more }, receivedAt)

/** The record that is kept with a status, for the next one. */
function remembering(of: LivingCache, spec: WorldSpec): LivingCache {
  return { ...of, record: { ...of.record, status: status(spec, of) } }
}

describe('the status of a cache', () => {
  it.each<[string, WorldSpec, CacheStatus['status']]>([
    ['succeeds when every node says that it is present', { nodes: [node('x', here), node('y', here)] }, 'Succeeded'],
    ['still counts what an offline node said last', { nodes: [node('x', here)], now: late }, 'Succeeded'],
    ['is going on while a node fetches', { nodes: [node('x', here), node('y', fetching)] }, 'Processing'],
    ['is going on while a node has not spoken', { nodes: [node('x', [])] }, 'Processing'],
    ['does not count another version', { nodes: [node('x', [aLine(nginx, 'v0')])] }, 'Processing'],
    [
      'does not count what was said to another centre',
      { nodes: [node('x', here, { acknowledged: { epoch: 'old', sequence: 1 } })] },
      'Processing',
    ],
    [
      'does not count a version that is behind what upstream said',
      { nodes: [node('x', here)], resolutions: { [nginx]: { ...mirrored('v1'), target: aRoot('v2') } } },
      'Processing',
    ],
    [
      'is going on while the mirror copies, though nodes are offline',
      { nodes: [node('x', [])], now: late, resolutions: {} },
      'Processing',
    ],
    ['fails with a node that is reachable', { nodes: [node('x', here), node('y', failing)] }, 'Failed'],
    ['fails even while others are fetching', { nodes: [node('x', fetching), node('y', failing)] }, 'Failed'],
    [
      'does not fail for what an offline node met',
      { nodes: [node('x', here, {}, late), node('y', failing)], now: late },
      'AwaitingOfflineNodes',
    ],
    [
      'fails at once with upstream',
      { nodes: [node('x', [])], resolutions: { [nginx]: faulty('unavailable') } },
      'Failed',
    ],
    [
      'fails when a new version cannot be copied',
      {
        nodes: [node('x', here)],
        resolutions: { [nginx]: faulty('corrupt', { ...mirrored('v1'), target: aRoot('v2') }) },
      },
      'Failed',
    ],
    [
      'does not fail when upstream is away and nodes have the version',
      { nodes: [node('x', here)], resolutions: { [nginx]: faulty('unavailable', mirrored('v1')) } },
      'Succeeded',
    ],
    [
      'fails for a platform that the image does not have',
      {
        nodes: [node('x', [])],
        resolutions: {
          [nginx]: {
            ...mirrored('v1'),
            mirrored: { root: aRoot('v1'), platforms: [{ platform: 'linux/amd64', bytes: null }] },
          },
        },
      },
      'Failed',
    ],
    [
      'awaits offline nodes when all others are done',
      { nodes: [node('x', here, {}, late), node('y', fetching)], now: late },
      'AwaitingOfflineNodes',
    ],
    [
      'is going on while a reachable node is not done',
      { nodes: [node('x', fetching, {}, late), node('y', fetching)], now: late },
      'Processing',
    ],
    ['finds no node', { nodes: [] }, 'NoImagesPulledOrDeleted'],
    [
      'finds no node even if upstream fails',
      { nodes: [], resolutions: { [nginx]: faulty('not-found') } },
      'NoImagesPulledOrDeleted',
    ],
  ])('%s', (_, spec, expected) => {
    expect(status(spec).status).toBe(expected)
  })

  it.each<[string, Resolution, string, string]>([
    ['of a missing image', faulty('not-found'), 'ImageNotFound', 'not-found: said upstream'],
    ['of wrong credentials', faulty('denied'), 'AccessDenied', 'denied: said upstream'],
    [
      'of a missing platform',
      { ...mirrored('v1'), mirrored: { root: aRoot('v1'), platforms: [{ platform: 'linux/amd64', bytes: null }] } },
      'ImageNotFound',
      `${nginx} has no variant for linux/amd64`,
    ],
  ])('names image as written, node and cause %s', (_, resolution, reason, message) => {
    const { failures, message: words } = status({ nodes: [node('x', [])], resolutions: { [nginx]: resolution } })
    expect(failures).toEqual({ 'nginx:1': [{ node: 'x.host', reason, message }] })
    expect(words).toBe('Image pull failed for some images. Please see "failures" section')
  })

  it('names an image that is called like a property of every object', () => {
    const resolutions = { 'docker.io/library/constructor:latest': faulty('denied') }
    const { failures } = status({ nodes: [node('x', [])], resolutions }, living(aCache('a', ['constructor'])))
    expect(Object.keys(failures ?? {})).toEqual(['constructor'])
  })

  it('has no failures when there are none', () => {
    expect(status({ nodes: [node('x', fetching)] })).not.toHaveProperty('failures')
  })

  it('says why it waits: for nodes that are offline, and for nodes without an agent', () => {
    const declared = { name: 'z', labels: {}, platform: undefined, heard: undefined }
    const nodes = [node('x', here, {}, late), node('y', []), declared]
    expect(status({ nodes, now: late })).toMatchObject({
      status: 'AwaitingOfflineNodes',
      message:
        'All reachable nodes are done; 1 of 3 nodes are offline and will follow when they are back; 1 of 3 nodes run no agent yet',
    })
  })

  it('counts copies and bytes', () => {
    const nodes = [node('x', here), node('y', fetching), node('z', [])]
    expect(status({ nodes })).toMatchObject({
      counts: {
        images: 1,
        nodes: { matched: 3, complete: 1 },
        copies: { wanted: 3, present: 1, fetching: 1, waiting: 1, failed: 0 },
      },
      bytes: { wanted: 300, present: 140, unknown: 0 },
    })
  })

  it('counts an image once that two lists want', () => {
    const twice = living(aCache('a', ['nginx:1', { images: ['docker.io/library/nginx:1'], nodeSelector: {} }]))
    expect(status({ nodes: [node('x', here)] }, twice).counts.copies).toMatchObject({ wanted: 1, present: 1 })
  })

  it('says with kube-fledged which operation it is and when it ended', () => {
    const begun = remembering(cache, { nodes: [node('x', fetching)], now: 1000 })
    expect(begun.record.status).toMatchObject({
      reason: 'ImageCacheCreate',
      message: 'Images are being pulled on to the nodes. Please view the status after some time',
      startTime: new Date(0).toISOString(),
    })
    expect(begun.record.status).not.toHaveProperty('completionTime')
    const done = remembering(begun, { nodes: [node('x', here)], now: 2000 })
    expect(done.record.status).toMatchObject({
      reason: 'ImageCacheCreate',
      message: 'All requested images pulled succesfully to respective nodes',
      completionTime: new Date(2000).toISOString(),
    })
    const later = remembering(done, { nodes: [node('x', here)], now: 9000 })
    expect(later.record.status).toEqual(done.record.status)
    const moved = { [nginx]: { ...mirrored('v1'), target: aRoot('v2') } }
    const refreshing = remembering(later, { nodes: [node('x', here)], now: 10_000, resolutions: moved })
    expect(refreshing.record.status).toMatchObject({
      reason: 'ImageCacheRefresh',
      message: 'Image cache is being refreshed. Please view the status after some time',
      startTime: new Date(10_000).toISOString(),
    })
    const failed = remembering(refreshing, {
      nodes: [node('x', here)],
      now: 11_000,
      resolutions: { [nginx]: faulty('corrupt', moved[nginx]) },
    })
    expect(failed.record.status).toMatchObject({
      reason: 'ImageCacheRefresh',
      startTime: new Date(10_000).toISOString(),
    })
  })

  describe('of an image taken out', () => {
    const before = remembering(living(aCache('a', [{ images: ['nginx:1', 'redis:1'] }])), { nodes: [node('x', here)] })
    const record = observeCache(before.record, cache.cache, { now: 5000, makeUid: () => 'u' })
    const smaller = { ...cache, record }
    const redis = 'docker.io/library/redis:1'
    const resolutions = { [nginx]: mirrored('v1'), [redis]: mirrored('r') }
    const unread = [node('x', here, { acknowledged: null })]
    const told = aWorld({ caches: [before], nodes: unread, resolutions }).assignments
    const toldAgain = aWorld({
      caches: [smaller],
      nodes: unread,
      resolutions,
      previous: [...told.values()],
    }).assignments
    const at = (images: readonly ImageReport[], sequence: number, now = 6000) => {
      const nodes = [node('x', images, { acknowledged: { epoch, sequence } })]
      return status({ nodes, previous: [...toldAgain.values()], now }, smaller)
    }

    it('goes on until the node has read it and taken it away', () => {
      expect(at(here, 1)).toMatchObject({
        status: 'Processing',
        reason: 'ImageCacheUpdate',
        startTime: new Date(5000).toISOString(),
      })
      expect(at([...here, aLine(redis, 'r', { state: 'removing' })], 2).status).toBe('Processing')
      expect(at(here, 2)).toMatchObject({
        status: 'Succeeded',
        message: 'All cached images succesfully deleted from respective nodes',
      })
    })

    it('does not go on for a container that uses it', () => {
      expect(at([...here, aLine(redis, 'r', { state: 'in-use' })], 2).status).toBe('Succeeded')
    })

    it('awaits a node that is offline', () => {
      expect(at(here, 1, 9e9).status).toBe('AwaitingOfflineNodes')
    })
  })

  it('never counts more than reports say', () => {
    const line = fc.record({
      state: fc.constantFrom(...imageStateSchema.options),
      version: fc.constantFrom('v1', 'v2'),
      bytesHere: fc.nat(200),
    })
    const nodes = fc.array(fc.record({ line: fc.option(line), isOfUs: fc.boolean(), receivedAt: fc.nat(100_000) }), {
      maxLength: 5,
    })
    const resolution = fc.constantFrom<Resolution>(
      unresolved,
      mirrored('v1'),
      { ...mirrored('v1'), target: aRoot('v2') },
      faulty('denied'),
    )
    fc.assert(
      fc.property(nodes, resolution, (specs, known) => {
        const reports = specs.map(({ line: said, isOfUs, receivedAt }, index) =>
          node(
            `n${index}`,
            said ? [aLine(nginx, said.version, said)] : [],
            { acknowledged: isOfUs ? { epoch, sequence: 1 } : null },
            receivedAt,
          ),
        )
        const {
          status: phase,
          counts,
          bytes,
        } = status({ nodes: reports, resolutions: { [nginx]: known }, now: 100_000 })
        const truth = specs.filter(({ line: said }) => said?.state === 'present' && said.version === 'v1')
        expect(counts.copies.present).toBeLessThanOrEqual(truth.length)
        expect(bytes.present).toBeLessThanOrEqual(
          specs.reduce((total, { line: said }) => total + (said?.bytesHere ?? 0), 0),
        )
        expect(bytes.present).toBeLessThanOrEqual(bytes.wanted)
        if (phase === 'Succeeded') expect(truth).toHaveLength(specs.length)
        const { wanted, present, fetching: moving, waiting, failed } = counts.copies
        expect(present + moving + waiting + failed).toBe(wanted)
      }),
    )
  })
})
