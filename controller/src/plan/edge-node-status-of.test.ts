import { describe, expect, it } from 'vitest'
import { edgeNodeStatusSchema, type EdgeNodeStatus } from '../api/edge-node.ts'
import { aCache, aLine, aNode, aWorld, faulty, living, mirrored } from '../testing/world.ts'
import { edgeNodeStatusOf } from './edge-node-status-of.ts'
import type { KnownNode } from './known-node.ts'
import { nodeViews } from './node-views.ts'

const nginx = 'docker.io/library/nginx:1'
const caches = [living(aCache('a', ['nginx:1']))]
const late = 60_001
const declared: KnownNode = { name: 'x', labels: {}, platform: undefined, heard: undefined }
const fault = { code: 'no-space' as const, message: 'disk full', attempts: 3, retryInMs: 5 }
const line = (more: Parameters<typeof aLine>[2]) => aNode('x', { images: [aLine(nginx, 'v1', more)] })

function standing(node: KnownNode, now = 0, before?: Partial<EdgeNodeStatus>): EdgeNodeStatus | undefined {
  const [view] = nodeViews(aWorld({ caches, nodes: [node], resolutions: { [nginx]: mirrored('v1') }, now }))
  const status = view && edgeNodeStatusOf(view, { before, now })
  return status && edgeNodeStatusSchema.parse(status)
}

describe('the status of an EdgeNode', () => {
  it.each<[string, KnownNode, number, Partial<EdgeNodeStatus>]>([
    ['is only declared', declared, 0, { link: 'NeverSeen', synced: 'Unknown', phase: 'Declared' }],
    ['is fetching', line({ state: 'fetching' }), 0, { link: 'Online', synced: 'False', phase: 'Syncing' }],
    ['is complete', line({}), 0, { link: 'Online', synced: 'True', phase: 'Synced', version: '0.1.0' }],
    ['meets an error', line({ state: 'waiting', fault }), 0, { link: 'Online', synced: 'False', phase: 'Failing' }],
    ['is offline and complete', line({}), late, { link: 'Offline', synced: 'True', phase: 'Synced' }],
  ])('says of a node that it %s', (_, node, now, expected) => {
    expect(standing(node, now)).toMatchObject({ ...expected, lastChange: new Date(now).toISOString() })
  })

  it('is not that of a failing node when upstream fails', () => {
    const [view] = nodeViews(aWorld({ caches, nodes: [line({})], resolutions: { [nginx]: faulty('denied') } }))
    const status = view && edgeNodeStatusOf(view, { before: undefined, now: 0 })
    expect(status).toMatchObject({ synced: 'False', phase: 'Syncing' })
  })

  it('is written when something of it changes, not for bytes and words', () => {
    const before = standing(line({ state: 'fetching', bytesHere: 1 }))
    expect(standing(line({ state: 'fetching', bytesHere: 2 }), 5000, before)).toBeUndefined()
    expect(standing(line({}), 5000, before)).toMatchObject({ lastChange: new Date(5000).toISOString() })
  })

  it('keeps the time of its last change when only the agent is another one', () => {
    const before = standing(line({}))
    const newer = aNode('x', { images: [aLine(nginx, 'v1')], agentVersion: '0.2.0' })
    expect(standing(newer, 5000, before)).toMatchObject({ version: '0.2.0', lastChange: before?.lastChange })
  })
})
