import { describe, expect, it } from 'vitest'
import { aCache, aLine, aNode, aRoot, aWorld, faulty, living, mirrored } from '../testing/world.ts'
import type { LivingCache } from './living-cache.ts'
import { statusOf } from './status-of.ts'

const nginx = 'docker.io/library/nginx:1'
const cache = living(aCache('a', ['nginx:1']))
const nodes = [aNode('x', { images: [aLine(nginx, 'v1')] })]

describe('the conditions of a cache', () => {
  const broken = new Map([['default/a', 'a.yaml:3: broken']])
  const stale = { [nginx]: faulty('unavailable', mirrored('v1')) }
  const at = (now: number, of: LivingCache, notAccepted: ReadonlyMap<string, string>) =>
    statusOf(of, aWorld({ caches: [of], nodes, resolutions: stale, now, notAccepted }))

  it('tell what is broken, stale and in place', () => {
    expect(at(1000, cache, broken).conditions).toMatchObject([
      { type: 'Accepted', status: 'False', message: 'a.yaml:3: broken' },
      { type: 'Resolved', status: 'False', reason: 'Unavailable', message: 'unavailable: said upstream' },
      { type: 'Synced', status: 'True' },
      { type: 'AgentsPresent', status: 'True' },
    ])
  })

  it('keep the time since when they are so', () => {
    const kept = { ...cache, record: { ...cache.record, status: at(1000, cache, broken) } }
    const times = at(9000, kept, new Map()).conditions.map((condition) => Date.parse(condition.lastTransitionTime))
    expect(times).toEqual([9000, 1000, 1000, 1000])
  })

  it('name what the mirror is busy with, and how much is in place', () => {
    const resolutions = { [nginx]: { ...mirrored('v1'), target: aRoot('v2') } }
    expect(statusOf(cache, aWorld({ caches: [cache], nodes, resolutions })).conditions).toMatchObject([
      { status: 'True' },
      { status: 'Unknown', reason: 'Mirroring', message: `waiting for the mirror: ${nginx}` },
      { status: 'Unknown', reason: 'Processing', message: '0 of 1 copies are in place' },
      { status: 'True' },
    ])
  })

  it('do not wait for a copy that nobody is there to have', () => {
    const resolutions = { [nginx]: { ...mirrored('v1'), mirrored: null } }
    const resolvedWith = (known: typeof resolutions | object) =>
      statusOf(cache, aWorld({ caches: [cache], nodes: [], resolutions: { ...known } })).conditions[1]
    expect(resolvedWith(resolutions)).toMatchObject({ type: 'Resolved', status: 'True', reason: 'LookedUp' })
    expect(resolvedWith({})).toMatchObject({ type: 'Resolved', status: 'Unknown', reason: 'Mirroring' })
  })

  it('count the selected nodes without an agent, and name some', () => {
    const declared = ['b', 'c', 'd', 'e'].map((name) => ({ name, labels: {}, platform: undefined, heard: undefined }))
    const resolutions = { [nginx]: mirrored('v1') }
    const { conditions } = statusOf(cache, aWorld({ caches: [cache], nodes: [...nodes, ...declared], resolutions }))
    expect(conditions.find(({ type }) => type === 'AgentsPresent')).toMatchObject({
      status: 'False',
      reason: 'NodesWithoutAgent',
      message: '4 of 5 selected nodes run no agent: b, c, d and 1 more',
    })
  })
})
