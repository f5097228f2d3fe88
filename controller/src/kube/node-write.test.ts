import { describe, expect, it } from 'vitest'
import type { NodeView } from '../operator-api/views.ts'
import { nodeViews } from '../plan/node-views.ts'
import { aNode, aWorld } from '../testing/world.ts'
import type { KubeObject } from './kube-object.ts'
import { nodeWrite, type NodeWriteInput } from './node-write.ts'

const viewOf = (now: number): NodeView => nodeViews(aWorld({ nodes: [aNode('edge-1')], now }))[0]!
const [online, offline] = [viewOf(1), viewOf(600_000)]

const anObject = (more: object = {}, status?: object): KubeObject => ({
  metadata: { name: 'edge-1', uid: 'u', resourceVersion: '1', ...more },
  ...(status && { status }),
})
const nothing = { object: undefined, isBelieved: false, wasThere: false, now: 700_000 }
const look = (view: NodeView, more: Partial<NodeWriteInput> = {}): string | undefined =>
  nodeWrite(view, { ...nothing, ...more })?.kind

describe('what is written of a node', () => {
  it('is an EdgeNode as soon as its agent is heard of', () => {
    expect(look(online)).toBe('create')
    expect(look({ ...online, lastContact: null, online: false })).toBeUndefined()
  })

  it('is none while one is believed to be there, or is going', () => {
    expect(look(online, { isBelieved: true })).toBeUndefined()
    expect(look(online, { object: anObject({ deletionTimestamp: 'now' }) })).toBeUndefined()
  })

  it('forgets who is away when its EdgeNode is deleted, and nobody else', () => {
    expect(look(offline, { wasThere: true })).toBe('forget')
    expect(look(offline)).toBe('create')
    expect(look(online, { wasThere: true })).toBe('create')
  })

  it('is its status when that is another one, and only then', () => {
    const written = nodeWrite(online, { ...nothing, object: anObject() })
    const status = written?.kind === 'status' ? written.status : {}
    expect(status).toMatchObject({ link: 'Online', phase: 'Synced' })
    const object = anObject({}, status)
    expect(look(online, { object })).toBeUndefined()
    expect(look(offline, { object })).toBe('status')
  })
})
