import type { Assignment } from '@stowage/mirror/edge/assignment'
import { parseSet } from '@stowage/mirror/edge/set'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aCache, aLine, aNode, epoch, living, mirrored } from '../testing/world.ts'
import type { KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'
import { planAssignments } from './plan-assignments.ts'
import { planSets } from './plan-sets.ts'

const nginx = 'docker.io/library/nginx:1'
const late = 60_001
const fault = { code: 'no-space' as const, message: 'disk full', attempts: 1, retryInMs: 5 }

type Told = ReadonlyMap<string, Assignment>
interface PlanInput {
  readonly of: LivingCache
  readonly version?: string
  readonly told?: Told
  readonly now?: number
}

const setsOf = (version: string) => planSets(new Map([[nginx, mirrored(version)]]))
const linux = { os: 'linux', architecture: 'amd64' }

function plan(nodes: readonly KnownNode[], { of, version = 'v1', told = new Map(), now = 0 }: PlanInput): Told {
  const sets = setsOf(version)
  const changed = planAssignments({ epoch, caches: [of], nodes, previous: told, sets, now })
  return new Map([...told, ...changed.map((assignment) => [assignment.node, assignment] as const)])
}

/** Which version each node is told; `held` to leave alone what is named. */
function versionsOf(of: LivingCache, told: Told, versions = ['v1', 'v2']): Record<string, string> {
  const words = new Map(versions.map((version) => [setsOf(version).setFor(of, 0, linux).digest as string, version]))
  words.set(setsOf('v1').heldFor(of, 0).digest, 'held')
  return Object.fromEntries(
    [...told].map(([node, { entries }]) => [node, words.get(String(entries[0]?.set)) ?? String(entries[0]?.set)]),
  )
}

const says = (name: string, version: string | undefined, more: object = {}, sequence = 1) =>
  aNode(name, {
    acknowledged: { epoch, sequence },
    images: version === undefined ? [] : [aLine(nginx, version, more)],
  })
const cacheOf = (spec: object): LivingCache => living(aCache('a', ['nginx:1'], spec))

describe('a cache that is rolled out to some nodes at a time', () => {
  const names = ['a', 'b', 'c', 'd']
  const fresh = names.map((name) => aNode(name, { acknowledged: null }))

  it.each<[string, object, string]>([
    ['to all without a limit', {}, 'v1 v1 v1 v1'],
    ['to as many as it says', { parallelism: 2 }, 'v1 v1 held held'],
    ['to a share, rounded up', { parallelism: '26%' }, 'v1 v1 held held'],
    ['to more than there are', { parallelism: 9 }, 'v1 v1 v1 v1'],
    ['to nobody at 0', { parallelism: 0 }, 'held held held held'],
    ['to nobody at 0%', { parallelism: '0%' }, 'held held held held'],
    ['to nobody while it is suspended', { suspend: true, parallelism: 2 }, 'held held held held'],
  ])('goes %s', (_, spec, expected) => {
    const of = cacheOf(spec)
    expect(Object.values(versionsOf(of, plan(fresh, { of }))).join(' ')).toBe(expected)
  })

  it('lets nodes that wait know which names to leave alone', () => {
    const set = setsOf('v1').heldFor(cacheOf({ parallelism: 1 }), 0)
    expect(parseSet(set.raw)).toEqual({ images: [], unresolved: [nginx] })
  })

  describe('to one after the other', () => {
    const of = cacheOf({ parallelism: 1 })
    const before = plan(
      names.map((name) => says(name, 'v1')),
      { of: cacheOf({}) },
    )
    const next = (nodes: readonly KnownNode[], now = 0): string => {
      const first = plan(
        names.map((name) => says(name, 'v1')),
        { of, version: 'v2', told: before },
      )
      expect(versionsOf(of, first)).toMatchObject({ a: 'v2', b: 'v1', c: 'v1', d: 'v1' })
      return Object.values(versionsOf(of, plan(nodes, { of, version: 'v2', told: first, now }))).join(' ')
    }
    const others = names.slice(1).map((name) => says(name, 'v1'))

    it.each<[string, KnownNode, string]>([
      ['waits while the first one has not read it', says('a', 'v1'), 'v2 v1 v1 v1'],
      ['waits while the first one fetches', says('a', 'v2', { state: 'fetching' }, 2), 'v2 v1 v1 v1'],
      ['goes on when the first one is done', says('a', 'v2', {}, 2), 'v2 v2 v1 v1'],
      ['goes on when the first one cannot', says('a', 'v2', { state: 'waiting', fault }, 2), 'v2 v2 v1 v1'],
    ])('%s', (_, first, expected) => {
      expect(next([first, ...others])).toBe(expected)
    })

    it('does not wait for a node that is offline, nor sends one off', () => {
      const online = names.slice(2).map((name) => aNode(name, { ...says(name, 'v1').heard?.report }, late))
      expect(next([says('a', 'v2', { state: 'fetching' }, 2), says('b', 'v1'), ...online], late)).toBe('v2 v1 v2 v1')
    })
  })

  it('keeps what a suspended cache has told, also of nodes that it selects no longer', () => {
    const lists = [{ images: ['nginx:1'], nodeSelector: { tier: 'x' } }]
    const running = living(aCache('a', lists))
    const node = aNode('n', { labels: { tier: 'x' }, acknowledged: null })
    const told = plan([node], { of: running })
    const of = { ...living(aCache('a', lists, { suspend: true })), record: running.record }
    expect(plan([aNode('n')], { of, told, version: 'v2' })).toEqual(told)
    expect(plan([aNode('n')], { of: running, told }).get('n')?.entries).toMatchObject([{ set: null }])
  })

  it('never has more nodes in work than it may, and comes to an end with all of them', () => {
    const steps = fc.array(fc.nat(5), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), steps, (parallelism, acts) => {
        const of = cacheOf({ parallelism })
        const has = new Map(Array.from({ length: 6 }, (__, index) => [`n${index}`, 'v1']))
        let told = plan(
          [...has.keys()].map((name) => says(name, 'v1')),
          { of: cacheOf({}) },
        )
        const look = (): void => {
          const nodes = [...has].map(([name, version]) => says(name, version, {}, told.get(name)?.sequence))
          told = plan(nodes, { of, version: 'v2', told })
          const isWorking = ([name, version]: [string, string | undefined]): boolean =>
            version === 'v2' && has.get(name) !== 'v2'
          expect(Object.entries(versionsOf(of, told)).filter(isWorking).length).toBeLessThanOrEqual(parallelism)
        }
        const finish = (name: string): void => {
          if (versionsOf(of, told)[name] === 'v2') has.set(name, 'v2')
        }
        for (const who of acts) {
          look()
          finish(`n${who}`)
        }
        for (let round = 0; round < 6; round++) {
          look()
          for (const name of has.keys()) finish(name)
        }
        expect([...has.values()].every((version) => version === 'v2')).toBe(true)
      }),
    )
  })
})
