import { assert, array, constantFrom, integer, property, record, type Arbitrary } from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Resolution } from '../memory/resolution.ts'
import { createShareReport } from '../memory/share-report.ts'
import { aCache, aLine, aNode, aRecord, aWorld, faulty, knownNodes, living, mirrored } from '../testing/world.ts'
import type { KnownNode } from './known-node.ts'
import { createNodeTallies } from './node-tallies.ts'
import { statusOf } from './status-of.ts'
import { talliesOf } from './tallies-of.ts'
import type { World } from './world.ts'

const names = ['docker.io/library/one:1', 'docker.io/library/two:1']
const platform = { os: 'linux', architecture: 'amd64' }

/** Something happens to one of three nodes, or to an image. */
interface Change {
  readonly node: number
  readonly image: number
  readonly what:
    | 'present'
    | 'fetching'
    | 'old'
    | 'failed'
    | 'again'
    | 'silent'
    | 'moved'
    | 'away'
    | 'relabelled'
    | 'purged'
    | 'paused'
}

const changes: Arbitrary<Change[]> = array(
  record({
    node: integer({ min: 0, max: 2 }),
    image: integer({ min: 0, max: 1 }),
    what: constantFrom(
      'present',
      'fetching',
      'old',
      'failed',
      'again',
      'silent',
      'moved',
      'away',
      'relabelled',
      'purged',
      'paused',
    ),
  }),
  { maxLength: 12 },
)

interface Scene {
  readonly nodes: KnownNode[]
  readonly caches: World['caches']
  readonly resolutions: Map<string, Resolution>
}

function nodeAfter(what: Change['what'], node: KnownNode, tier: string): KnownNode {
  if (what === 'again') return heardAgain(node)
  if (what === 'silent') return { name: node.name, labels: {}, platform, heard: undefined }
  return what === 'relabelled' ? { ...node, labels: { tier } } : node
}

function happen({ node, image, what }: Change, { nodes, caches, resolutions }: Scene): World['caches'] {
  const name = names[image]!
  const fault = { code: 'invalid', message: 'no', attempts: 1, retryInMs: 5 } as const
  const report = (...images: ReturnType<typeof aLine>[]): void => void (nodes[node] = aNode(`n${node}`, { images }))
  if (what === 'present') report(aLine(name, 'v1'))
  if (what === 'fetching') report(aLine(name, 'v1', { state: 'fetching', bytesHere: 7 }))
  if (what === 'old') report(aLine(name, 'v0'))
  if (what === 'failed') report(aLine(name, 'v1', { state: 'waiting', fault }))
  nodes[node] = nodeAfter(what, nodes[node]!, String(image))
  if (what === 'moved') resolutions.set(name, mirrored(`v${node}`))
  if (what === 'away') resolutions.set(name, faulty('unavailable'))
  if (what === 'purged') return caches.map((one) => ({ ...one, record: { ...one.record, purged: node === 0 } }))
  const [first, ...others] = caches
  if (what === 'paused' && first) return [{ ...first, cache: cacheOf({ parallelism: node }) }, ...others]
  return caches
}

/** As a registry takes a report that says nothing new. */
function heardAgain(node: KnownNode): KnownNode {
  if (!node.heard) return node
  const { counter, ...before } = node.heard.report
  const next = createShareReport()({ ...before, counter: counter + 1 }, node.heard.report)
  const [again] = knownNodes([aRecord(next, node.heard.receivedAt + 10, node.heard)], [])
  return { ...again!, labels: node.labels }
}

const cacheOf = (more: object = {}) => aCache('a', [{ images: ['one:1', 'two:1'], nodeSelector: {} }], more)

describe('tallies', () => {
  it('come to the same as counting everything anew, whatever happened since they were counted', () => {
    assert(
      property(changes, (all) => {
        const resolutions = new Map(names.map((name) => [name, mirrored('v1')]))
        const nodes = [0, 1, 2].map((index) => aNode(`n${index}`, { images: names.map((name) => aLine(name, 'v1')) }))
        const other = living(aCache('b', [{ images: ['one:1'], nodeSelector: { tier: '1' } }]))
        let caches: World['caches'] = [living(cacheOf()), other]
        for (const change of all) {
          caches = happen(change, { nodes, caches, resolutions })
          const world = { ...aWorld({ caches, nodes: [...nodes], now: 1000 }), resolutions }
          const anew = { ...world, resolutions: new Map(resolutions) }
          for (const one of caches) {
            expect(talliesOf(one, world)).toEqual(talliesOf(one, anew))
            expect(statusOf(one, world)).toEqual(statusOf(one, anew))
          }
          const [kept, fresh] = [createNodeTallies(world), createNodeTallies(anew)]
          for (const node of nodes) expect(kept(node)).toEqual(fresh(node))
        }
      }),
    )
  })

  it('are not counted again for nodes of which nothing is new', () => {
    const cache = living(cacheOf())
    const nodes = [aNode('x'), aNode('y')]
    const world = aWorld({ caches: [cache], nodes })
    const [x, y] = talliesOf(cache, world)
    const next = { ...world, nodes: [nodes[0]!, aNode('y', { counter: 2 })], now: 5000 }
    expect(talliesOf(cache, next)[0]).toBe(x)
    expect(talliesOf(cache, next)[1]).not.toBe(y)
  })

  it('are counted again for a node that says something else, and only then', () => {
    const cache = living(cacheOf())
    const node = aNode('x', { images: names.map((name) => aLine(name, 'v1')) })
    const resolutions = new Map(names.map((name) => [name, mirrored('v1')]))
    const look = (of: KnownNode): unknown => {
      const world = { ...aWorld({ caches: [cache], nodes: [of], now: 1000 }), resolutions }
      return talliesOf(cache, world)[0]?.inState
    }
    const first = look(node)
    const again = heardAgain(node)
    expect(look(again)).toBe(first)
    const other = aNode('x', { counter: 3, images: [aLine(names[0]!, 'v1')] })
    expect(look(other)).not.toEqual(first)
  })
})
