import { describe, expect, it } from 'vitest'
import type { EdgeNode } from '../api/edge-node.ts'
import { aRecord, aReport } from '../testing/world.ts'
import { createKnownNodes } from './known-nodes.ts'
import { neverAway } from './reachable.ts'

const records = new Map(['b', 'a'].map((name) => [name, aRecord(aReport(name, { labels: { zone: name } }))]))
const declared: EdgeNode[] = [
  { name: 'c', labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'arm64' } },
  { name: 'a', labels: { tier: 'given' } },
]
const input = { records, declared, listening: neverAway }

describe('all nodes', () => {
  it('are those that were heard of and those that are declared, by name, each once', () => {
    const [a, b, c, ...others] = createKnownNodes()(input)
    expect(others).toEqual([])
    expect(a).toMatchObject({ name: 'a', labels: { zone: 'a', tier: 'given' }, heard: { receivedAt: 0 } })
    expect(b).toMatchObject({ name: 'b', labels: { zone: 'b' }, platform: { architecture: 'amd64' } })
    expect(c).toMatchObject({ name: 'c', platform: { os: 'linux', architecture: 'arm64' }, heard: undefined })
  })

  it('are the same objects at the next look, but for those of which something is new', () => {
    const knownNodes = createKnownNodes()
    const [a, b, c] = knownNodes(input)
    const next = new Map(records).set('b', aRecord(aReport('b', { labels: { zone: 'b' }, counter: 2 }), 5))
    const after = knownNodes({ ...input, records: next })
    expect(after[0]).toBe(a)
    expect(after[1]).toMatchObject({ name: 'b', heard: { receivedAt: 5 } })
    expect(after[1]?.labels).toBe(b?.labels)
    expect(after[2]).toBe(c)
    const [relabelled] = knownNodes({ ...input, declared: [{ name: 'a', labels: { tier: 'other' } }] })
    expect(relabelled?.labels).toEqual({ zone: 'a', tier: 'other' })
  })

  it('come and go', () => {
    const knownNodes = createKnownNodes()
    const names = (some: typeof input): string[] => knownNodes(some).map(({ name }) => name)
    expect(names(input)).toEqual(['a', 'b', 'c'])
    expect(names({ ...input, declared: [] })).toEqual(['a', 'b'])
    const others = new Map([...records].map(([name, record]) => [name === 'a' ? 'd' : name, record]))
    expect(names({ ...input, records: others, declared: [] })).toEqual(['b', 'd'])
    expect(names({ ...input, records: new Map(), declared: [] })).toEqual([])
  })
})
