import { assignmentSchema, type Assignment } from '@stowage/mirror/edge/assignment'
import { parseSet } from '@stowage/mirror/edge/set'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aCache, aLine, aNode, aRoot, epoch, living, mirrored, type ListSpec } from '../testing/world.ts'
import type { KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'
import { planAssignments } from './plan-assignments.ts'
import { planSets } from './plan-sets.ts'

const nginx = 'docker.io/library/nginx:latest'
const resolutions = new Map([[nginx, mirrored('nginx-1')]])
const backend: ListSpec = { images: ['nginx'], nodeSelector: { tier: 'backend' } }

function plan(caches: readonly LivingCache[], nodes: readonly KnownNode[], previous: readonly Assignment[] = []) {
  const told = new Map(previous.map((assignment) => [assignment.node, assignment]))
  return planAssignments({ epoch, caches, nodes, previous: told, sets: planSets(resolutions), now: 0 })
}

const sets = ([assignment]: readonly Assignment[]): string | undefined =>
  assignment?.entries
    .map(({ cache, list, set, removal }) => `${cache.name}/${list} ${set ? 'set' : set} ${removal}`)
    .join()

describe('assignments', () => {
  const node = aNode('n', { labels: { tier: 'backend' }, acknowledged: null })

  it('are made for nodes that were heard of, with the lists that select them', () => {
    const caches = [
      living(aCache('b', [backend, { images: [], nodeSelector: { tier: 'x' } }])),
      living(aCache('a', ['nginx'])),
    ]
    const [assignment, ...others] = plan(caches, [node, { ...node, name: 'declared', heard: undefined }])
    expect(others).toEqual([])
    expect(assignmentSchema.parse(assignment)).toMatchObject({ node: 'n', epoch, sequence: 1 })
    expect(sets([assignment as Assignment])).toBe('a/0 set keep,b/0 set keep')
  })

  it('say which lists come first', () => {
    const lists = [{ images: ['nginx'], priority: 7 }, { images: ['nginx'] }]
    const [assignment] = plan([living(aCache('a', lists))], [node])
    expect(assignment?.entries.map(({ priority }) => priority)).toEqual([7, undefined])
    const moved = plan([living(aCache('a', ['nginx', 'nginx']))], [node], assignment ? [assignment] : [])
    expect(moved).toMatchObject([{ sequence: 2 }])
  })

  it('say of which lists the images are not to be pinned', () => {
    const lists = [{ images: ['nginx'], pin: false }, { images: ['nginx'], pin: true }, { images: ['nginx'] }]
    const [assignment] = plan([living(aCache('a', lists))], [node])
    expect(assignment?.entries.map(({ pin }) => pin)).toEqual([false, undefined, undefined])
  })

  it('say when and how fast the images of a cache may come, also to a node that is told nothing else', () => {
    const windows = [{ days: ['Fri'], start: '22:00', end: '06:00', timeZone: 'Local' }]
    const before = plan([living(aCache('a', ['nginx', 'redis']))], [node])
    expect(before[0]?.entries.map(({ transfer }) => transfer)).toEqual([undefined, undefined])
    const cache = aCache('a', ['nginx', 'redis'], { transfer: { rate: '500Ki', windows }, parallelism: 0 })
    const after = plan([living(cache)], [node], before)
    const transfer = { bytesPerSecond: 512_000, windows }
    expect(after).toMatchObject([{ sequence: 2, entries: [{ transfer }, { transfer }] }])
    expect(after[0]?.entries.map(({ set }) => set)).toEqual(before[0]?.entries.map(({ set }) => set))
  })

  it('are empty for a node that nothing is wanted of', () => {
    expect(plan([], [node])).toMatchObject([{ sequence: 1, entries: [] }])
  })

  it('stay as they are when nothing changed', () => {
    const caches = [living(aCache('a', ['nginx']))]
    expect(plan(caches, [node], plan(caches, [node]))).toEqual([])
  })

  it('begin anew when the centre has lost its memory', () => {
    const old = plan([], [node]).map((assignment) => ({ ...assignment, epoch: 'before', sequence: 7 }))
    expect(plan([], [node], old)).toMatchObject([{ epoch, sequence: 1 }])
  })

  it('overtake what a node has read of a centre that was set back', () => {
    const ahead = aNode('n', { acknowledged: { epoch, sequence: 9 } })
    expect(plan([], [ahead], plan([], [node]))).toMatchObject([{ sequence: 10, entries: [] }])
  })

  it('drop the entries of a cache that is gone', () => {
    const before = plan([living(aCache('a', ['nginx'], { deletionPolicy: 'Purge' }))], [node])
    expect(sets(before)).toBe('a/0 set remove')
    const informed = aNode('n', { acknowledged: { epoch, sequence: 1 } })
    expect(plan([], [informed], before)).toMatchObject([{ sequence: 2, entries: [] }])
    expect(plan([], [node], plan([living(aCache('a', ['nginx']))], [node]))).toMatchObject([{ entries: [] }])
  })

  it('tell a node that was not heard of since a cache is to be removed when it goes', () => {
    const before = plan([living(aCache('a', ['nginx'], { deletionPolicy: 'Purge' }))], [node])
    const gone = plan([], [node], before)
    expect(sets(gone)).toBe('a/0 null remove')
    expect(plan([], [node], gone)).toEqual([])
    expect(plan([], [aNode('n', { acknowledged: { epoch, sequence: 2 } })], gone)).toMatchObject([{ entries: [] }])
  })

  it('drop the entries of a cache that was deleted and made again', () => {
    const cache = living(aCache('a', ['nginx']))
    const again = { ...cache, record: { ...cache.record, uid: 'other' } }
    expect(sets(plan([again], [node], plan([cache], [node])))).toBe('a/0 set keep')
  })

  describe('of a node that a living cache does not want any more', () => {
    const cache = living(aCache('a', [backend]))
    const before = plan([cache], [node])
    const moved = aNode('n', { acknowledged: { epoch, sequence: 1 } })
    const ended = plan([cache], [moved], before)

    it('say so without a set', () => {
      expect(sets(ended)).toBe('a/0 null keep')
      expect(plan([cache], [moved], ended)).toEqual([])
    })

    it.each([
      ['until it has read that', { acknowledged: { epoch, sequence: 2 } }, ''],
      ['also while it has read only what was before', { acknowledged: { epoch, sequence: 1 } }, undefined],
      ['also while it has read something of another centre', { acknowledged: { epoch: 'x', sequence: 9 } }, undefined],
      [
        'also while it takes images away',
        { acknowledged: { epoch, sequence: 2 }, images: [aLine(nginx, 'nginx-1', { state: 'removing' })] },
        undefined,
      ],
    ])('%s', (_, report, expected) => {
      expect(sets(plan([cache], [aNode('n', report)], ended))).toBe(expected)
    })

    it('take it back when it is wanted again', () => {
      expect(sets(plan([cache], [node], ended))).toBe('a/0 set keep')
    })
  })

  it('end a list that is gone from a living cache, likewise', () => {
    const two = living(aCache('a', ['nginx', 'nginx']))
    const one = { ...living(aCache('a', ['nginx'])), record: two.record }
    expect(sets(plan([one], [node], plan([two], [node])))).toBe('a/0 set keep,a/1 null keep')
  })

  it('grow in sequence with every change and only then', () => {
    const caches = fc.array(fc.record({ name: fc.constantFrom('a', 'b'), tier: fc.boolean(), purge: fc.boolean() }), {
      maxLength: 3,
    })
    const step = fc.record({ caches, backend: fc.boolean(), reads: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let told: Assignment | undefined
        for (const { caches: wanted, backend: isBackend, reads } of steps) {
          const byName = new Map(wanted.map((cache) => [cache.name, cache]))
          const alive = [...byName.values()].map(({ name, tier, purge }) =>
            living(aCache(name, [tier ? backend : 'nginx'], purge ? { deletionPolicy: 'Purge' } : {})),
          )
          const acknowledged = reads && told ? { epoch, sequence: told.sequence } : null
          const labels: Record<string, string> = isBackend ? { tier: 'backend' } : {}
          const [next] = plan(alive, [aNode('n', { labels, acknowledged })], told ? [told] : [])
          if (next) expect(next.sequence).toBe((told?.sequence ?? 0) + 1)
          if (next && told) expect(next.entries).not.toEqual(told.entries)
          told = next ?? told
        }
      }),
    )
  })
})

describe('sets', () => {
  const linux = { os: 'linux', architecture: 'amd64' }
  const image = (name: string): string => `docker.io/library/${name}:latest`

  it('hold what is mirrored under its last mirrored digest, and name the rest', () => {
    const cache = living(aCache('a', [{ images: ['a', 'b', 'c', 'd'] }]))
    const known = new Map([
      [image('a'), mirrored('a-1')],
      [image('b'), { ...mirrored('b-1'), target: aRoot('b-2') }],
      [image('c'), { ...mirrored('c-1'), mirrored: null }],
      [
        image('d'),
        {
          ...mirrored('d-1'),
          mirrored: {
            root: aRoot('d-1'),
            platforms: [
              { platform: 'linux/amd64', bytes: null },
              { platform: 'linux/arm64', bytes: 5 },
            ],
          },
        },
      ],
    ])
    const onAmd64 = parseSet(planSets(known).setFor(cache, 0, linux).raw)
    expect(onAmd64.images.map(({ name, root }) => [name, root.digest])).toEqual([
      [image('a'), aRoot('a-1').digest],
      [image('b'), aRoot('b-1').digest],
    ])
    expect(onAmd64.unresolved).toEqual([image('c'), image('d')])
    const onArm = parseSet(planSets(known).setFor(cache, 0, { os: 'linux', architecture: 'arm64', variant: 'v8' }).raw)
    expect(onArm.images.map(({ name }) => name)).toEqual([image('a'), image('b'), image('d')])
  })

  it('are empty for a cache that was purged', () => {
    const { cache, record } = living(aCache('a', ['nginx']))
    const set = planSets(resolutions).setFor({ cache, record: { ...record, purged: true } }, 0, linux)
    expect(parseSet(set.raw)).toEqual({ images: [], unresolved: [] })
  })

  it('have equal digests for equal lists, in whatever order and spelling', () => {
    const names = ['a', 'b', 'c', 'd', 'e']
    const known = new Map(names.slice(0, 3).map((name) => [image(name), mirrored(name)]))
    const digestFor = (images: readonly string[]): string =>
      planSets(known).setFor(living(aCache('x', [{ images }])), 0, linux).digest
    fc.assert(
      fc.property(fc.shuffledSubarray(names), fc.boolean(), (images, isLong) => {
        const spelt = images.toReversed().map((name) => (isLong ? image(name) : name))
        expect(digestFor([...spelt, ...spelt])).toBe(digestFor(images))
      }),
    )
  })
})
