import type { ImageReport } from '@stowage/mirror/edge/report'
import { describe, expect, it } from 'vitest'
import { aCache, aLine, aNode, aRoot, aWorld, faulty, knownNodes, mirrored, type WorldSpec } from '../testing/world.ts'
import { worldSamples } from './world-samples.ts'

const [one, two] = ['docker.io/library/one:1', 'docker.io/library/two:1']
const shop = aCache('shop', ['one:1', 'two:1'])
const both = { [one]: mirrored('v1', 100), [two]: mirrored('v2', 300) }
const has = (name: string, version: string, more: Partial<ImageReport> = {}): ImageReport => aLine(name, version, more)
const failed = { code: 'no-space', message: 'full', attempts: 1, retryInMs: 1000 } as const

const nodes = [
  aNode('all', { images: [has(one, 'v1'), has(two, 'v2', { bytesHere: 300, bytesTotal: 300 })] }),
  aNode('half', { images: [has(one, 'v1'), has(two, 'v2', { state: 'fetching', bytesHere: 50, bytesTotal: 300 })] }),
  aNode('full', { images: [has(one, 'v1'), has(two, 'v2', { state: 'waiting', bytesHere: 0, fault: failed })] }),
  aNode('gone', { images: [has(one, 'v1')], nextContactInMs: 1 }),
  ...knownNodes([], [{ name: 'declared', labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' } }]),
]

/** As `name{a="b"} value`, zeros left out. */
function said(spec: WorldSpec, about: string): string[] {
  return worldSamples(aWorld({ now: 10, ...spec }))
    .filter(({ metric, value }) => metric.name === about && value !== 0)
    .map(({ labels, value }) => [...Object.values(labels), value].join(' '))
}

const fleet: WorldSpec = { caches: [shop], nodes, resolutions: both }

describe('a fleet in numbers', () => {
  it.each<[string, WorldSpec, string[]]>([
    ['stowage_caches', fleet, ['Failed 1']],
    ['stowage_cache_status', fleet, ['default shop Failed 1']],
    ['stowage_cache_images', fleet, ['default shop 2']],
    [
      'stowage_cache_nodes',
      fleet,
      [
        'default shop matched 5',
        'default shop reachable 3',
        'default shop without_agent 1',
        'default shop complete 1',
        'default shop failed 1',
      ],
    ],
    [
      'stowage_cache_copies',
      fleet,
      ['default shop present 5', 'default shop fetching 1', 'default shop waiting 3', 'default shop failed 1'],
    ],
    ['stowage_cache_wanted_bytes', fleet, ['default shop 2000']],
    ['stowage_cache_missing_bytes', fleet, [`default shop ${2000 - 400 - 150 - 100 - 100}`]],
    [
      'stowage_nodes',
      fleet,
      ['Online Syncing 1', 'Online Failing 1', 'Online Synced 1', 'Offline Syncing 1', 'NeverSeen Declared 1'],
    ],
    ['stowage_images', fleet, ['current 2']],
    ['stowage_images', { ...fleet, resolutions: {} }, ['missing 2']],
    [
      'stowage_images',
      { ...fleet, resolutions: { [one]: faulty('denied'), [two]: { ...mirrored('v2'), target: aRoot('v3') } } },
      ['behind 1', 'failed 1'],
    ],
    ['stowage_images', { caches: [] }, []],
    ['stowage_upstream_in_flight', fleet, []],
  ])('says %s', (about, spec, expected) => {
    expect(said(spec, about)).toEqual(expected)
  })

  it('says what is copied from upstream, and how much is left of it', () => {
    const flights = new Map([
      [one, { bytesDone: 10, bytesTotal: 100 }],
      [two, { bytesDone: 0, bytesTotal: undefined }],
    ])
    expect(said({ ...fleet, flights }, 'stowage_upstream_in_flight')).toEqual(['look-up 1', 'copy 1'])
    expect(said({ ...fleet, flights }, 'stowage_upstream_missing_bytes')).toEqual(['90'])
  })

  it('has the same samples whatever the number of nodes, with zeros where there is nothing', () => {
    const names = (spec: WorldSpec): string[] =>
      worldSamples(aWorld(spec)).map(({ metric, labels }) => `${metric.name} ${Object.values(labels).join(' ')}`)
    const many = Array.from({ length: 300 }, (_, index) => aNode(`n-${index}`))
    expect(names({ ...fleet, nodes: many })).toEqual(names({ ...fleet, nodes: [] }))
    expect(names({ caches: [] })).toContain('stowage_caches Failed')
  })

  it('counts an image that two caches want of a node once for the node', () => {
    const world = { ...fleet, caches: [shop, aCache('other', ['one:1'])], nodes: nodes.slice(0, 1) }
    expect(said(world, 'stowage_nodes')).toEqual(['Online Synced 1'])
    expect(said(world, 'stowage_cache_copies')).toEqual(['default shop present 2', 'default other present 1'])
  })
})
