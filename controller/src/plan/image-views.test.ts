import { describe, expect, it } from 'vitest'
import { imageViewSchema, nodeViewSchema, type ImageView } from '../operator-api/views.ts'
import {
  aCache,
  aLine,
  aNode,
  aRoot,
  aWorld,
  faulty,
  knownNodes,
  living,
  mirrored,
  type WorldSpec,
} from '../testing/world.ts'
import { cacheViews } from './cache-views.ts'
import { imageViews } from './image-views.ts'
import { nodeViews } from './node-views.ts'

const nginx = 'docker.io/library/nginx:1'
const cache = aCache('a', ['nginx:1'])
const fetching = aLine(nginx, 'v1', { state: 'fetching', bytesHere: 40 })

function views(spec: WorldSpec): ImageView[] {
  const world = aWorld({ caches: [cache], resolutions: { [nginx]: mirrored('v1') }, ...spec })
  return imageViews(world).map((view) => imageViewSchema.parse(view))
}

describe('the view of an image on a node', () => {
  const waiting = (code: 'no-space' | 'unavailable') =>
    aLine(nginx, 'v1', {
      state: 'waiting',
      bytesHere: 0,
      fault: { code, message: 'said by the node', attempts: 2, retryInMs: 9000 },
    })
  const copying = { [nginx]: { ...mirrored('v1'), mirrored: null } }

  it.each<[string, WorldSpec, Partial<ImageView>]>([
    [
      'is silent when it is in place',
      { nodes: [aNode('n', { images: [aLine(nginx, 'v1')] })] },
      { state: 'present', percent: 100, message: '', online: true },
    ],
    [
      'has rate and time left',
      { nodes: [aNode('n', { images: [fetching], bytesPerSecond: 20 })] },
      { state: 'fetching', percent: 40, bytesPerSecond: 20, etaSeconds: 3, message: '' },
    ],
    [
      'says since when a node is offline, and its last word',
      { nodes: [aNode('n', { images: [fetching], bytesPerSecond: 20 })], now: 70_000 },
      {
        state: 'fetching',
        online: false,
        percent: 40,
        bytesPerSecond: null,
        etaSeconds: null,
        message: 'offline since 1970-01-01T00:00:00Z (overdue since 1970-01-01T00:01:00Z); last said 40 %',
      },
    ],
    [
      'says what upstream said',
      { nodes: [aNode('n')], resolutions: { [nginx]: faulty('not-found') }, now: 10_000 },
      {
        state: 'failed',
        percent: null,
        message: 'waiting for the mirror: not-found: said upstream (next try in 20 s)',
      },
    ],
    [
      'says how far the mirror is',
      { nodes: [aNode('n')], resolutions: copying, flights: new Map([[nginx, { bytesDone: 50, bytesTotal: 200 }]]) },
      { state: 'mirror', message: `waiting for the mirror: it copies ${nginx}, 25 %` },
    ],
    [
      'says that the version before is kept',
      {
        nodes: [aNode('n', { images: [aLine(nginx, 'v1')] })],
        resolutions: { [nginx]: { ...mirrored('v1'), target: aRoot('v2') } },
      },
      { state: 'mirror', bytesHere: 0, message: 'waiting for the mirror; until then nodes keep the version before' },
    ],
    [
      'says that there is no space',
      { nodes: [aNode('n', { images: [waiting('no-space')] })] },
      { state: 'failed', message: 'failed on the node: said by the node (next try in 9 s)' },
    ],
    [
      'says why a node waits',
      { nodes: [aNode('n', { images: [waiting('unavailable')] })] },
      { state: 'waiting', message: 'said by the node (next try in 9 s)' },
    ],
    [
      'says that the node has not spoken',
      { nodes: [aNode('n')] },
      { state: 'told', message: 'told to the node, which has not spoken of it yet' },
    ],
    [
      'says that a declared node has no agent',
      { nodes: knownNodes([], [{ name: 'n', labels: {} }]) },
      { state: 'told', online: false, message: 'never heard of: start an agent with --node n' },
    ],
    [
      'says that no node matches',
      { nodes: [] },
      { node: null, state: 'unselected', digest: aRoot('v1').digest, message: 'no node matches its nodeSelector' },
    ],
    [
      'says that no node matches and that it is not there anyway',
      { nodes: [], resolutions: { [nginx]: faulty('denied') } },
      {
        state: 'unselected',
        message: 'no node matches its nodeSelector; waiting for the mirror: denied: said upstream (next try in 30 s)',
      },
    ],
  ])('%s', (_, spec, expected) => {
    const all = views(spec)
    expect(all).toHaveLength(1)
    expect(all[0]).toMatchObject({ image: 'nginx:1', name: nginx, caches: ['default/a'], ...expected })
  })

  it('is one for all caches that want it', () => {
    const caches = [cache, aCache('b', [nginx])]
    expect(views({ caches, nodes: [aNode('n')] })).toMatchObject([{ caches: ['default/a', 'default/b'] }])
  })

  it('shows what is on its way out, unless it is wanted', () => {
    const images = [
      aLine(nginx, 'v1', { state: 'removing' }),
      aLine('old:1', 'v1', { state: 'removing' }),
      aLine('old:2', 'v1', { state: 'in-use' }),
    ]
    expect(views({ nodes: [aNode('n', { images })] })).toMatchObject([
      { name: nginx, state: 'told', message: 'the node has not read its latest assignment yet' },
      { name: 'old:1', state: 'removing', caches: [], node: 'n' },
      { name: 'old:2', state: 'in-use' },
    ])
  })
})

describe('the view of a node', () => {
  const view = (spec: WorldSpec) => {
    const world = aWorld({
      caches: [cache, aCache('b', ['nginx:1', 'redis'])],
      resolutions: { [nginx]: mirrored('v1') },
      ...spec,
    })
    return nodeViews(world).map((node) => nodeViewSchema.parse(node))
  }

  it('sums up its images, each once', () => {
    expect(view({ nodes: [aNode('n', { images: [fetching], bytesPerSecond: 10 })] })).toMatchObject([
      {
        name: 'n',
        online: true,
        platform: 'linux/amd64',
        assignment: 'epoch-1/2',
        acknowledged: 'epoch-1/1',
        images: { wanted: 2, present: 0, failed: 0 },
        bytes: { wanted: 100, present: 40 },
        etaSeconds: 6,
        message: '',
      },
    ])
  })

  it('says since when it is offline, and what troubled it', () => {
    expect(view({ nodes: [aNode('n', { trouble: 'no runtime' })], now: 1e6 })).toMatchObject([
      { online: false, bytesPerSecond: null, message: 'offline since 1970-01-01T00:00:00Z; last said: no runtime' },
    ])
  })

  it('is there for a node without an agent', () => {
    expect(view({ nodes: knownNodes([], [{ name: 'n', labels: { a: 'b' } }]) })).toMatchObject([
      {
        online: false,
        lastContact: null,
        assignment: null,
        images: { wanted: 2 },
        message: expect.stringContaining('--node n') as string,
      },
    ])
  })
})

describe('labels', () => {
  it('of administrators win over those that an agent proposes', () => {
    const heard = aNode('n', { labels: { tier: 'proposed', zone: 'z' } }).heard
    const [node] = knownNodes(heard ? [heard] : [], [{ name: 'n', labels: { tier: 'given' } }])
    expect(node?.labels).toEqual({ tier: 'given', zone: 'z' })
  })
})

describe('the view of a cache', () => {
  it('is its status as of now', () => {
    const [view] = cacheViews(aWorld({ caches: [living(cache)], notAccepted: new Map([['default/a', 'x.yaml:1']]) }))
    expect(view).toMatchObject({ namespace: 'default', name: 'a', uid: 'uid-a', status: 'NoImagesPulledOrDeleted' })
    expect(view?.conditions[0]).toMatchObject({ type: 'Accepted', status: 'False', message: 'x.yaml:1' })
  })
})
