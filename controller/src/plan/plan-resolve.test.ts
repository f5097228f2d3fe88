import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aCache, aNode, aRoot, faulty, living, mirrored, type ListSpec } from '../testing/world.ts'
import { listedImage } from '../api/image-list.ts'
import { unresolved, type Resolution } from '../memory/resolution.ts'
import { backOffMs } from './back-off.ts'
import { planResolve, type ResolveInput } from './plan-resolve.ts'
import { planWants, type Want } from './plan-wants.ts'

const minute = 60_000
const name = 'docker.io/library/nginx:1'
const amd64 = { os: 'linux', architecture: 'amd64' }
const arm64 = { os: 'linux', architecture: 'arm64' }

interface Situation extends Partial<Omit<ResolveInput, 'wants' | 'resolutions'>> {
  readonly refreshMs?: number
  readonly isSuspended?: boolean
  readonly image?: string
  readonly platforms?: readonly (typeof amd64)[]
  readonly refreshSince?: number
  readonly resolution?: Resolution
}

const refreshing = { refreshSince: 0, refreshMs: 15 * minute, isOnce: false, isSuspended: false }

function plan({ image = name, platforms = [amd64], resolution, ...more }: Situation) {
  const { refreshSince = 0, refreshMs = 15 * minute, isSuspended = false, ...rest } = more
  const want = { ...listedImage(image), platforms, secrets: [], ...refreshing, refreshSince, refreshMs, isSuspended }
  return planResolve({
    wants: new Map([[want.name, want]]),
    resolutions: new Map(resolution ? [[want.name, resolution]] : []),
    inFlight: new Set(),
    newCredentials: new Set(),
    now: minute,
    ...rest,
  })
}

const onlyArm = { root: aRoot('v1'), platforms: [{ platform: 'linux/arm64', bytes: 1 }] }
const digestImage = `nginx@${aRoot('v1').digest}`

describe('a reference', () => {
  it.each<[string, Situation, boolean]>([
    ['is looked up when it is new', {}, true],
    ['is left alone while it is fresh', { resolution: mirrored('v1') }, false],
    ['is looked up again after a while', { resolution: mirrored('v1'), now: 17 * minute }, true],
    ['is not looked up again when that is off', { resolution: mirrored('v1'), now: 1e12, refreshMs: Infinity }, false],
    [
      'is not looked up again when it names a digest',
      { image: digestImage, resolution: mirrored('v1'), now: 1e12 },
      false,
    ],
    ['is looked up again by order', { resolution: mirrored('v1'), refreshSince: 30_000 }, true],
    [
      'is not looked up twice by one order',
      { resolution: { ...mirrored('v1'), checkedAt: 30_000 }, refreshSince: 30_000 },
      false,
    ],
    [
      'is not tried again too early by an order that failed',
      {
        resolution: { ...faulty('denied'), fault: { ...faulty('denied').fault!, at: 40_000, retryAt: 80_000 } },
        refreshSince: 30_000,
      },
      false,
    ],
    ['is copied when its version is not there yet', { resolution: { ...mirrored('v1'), target: aRoot('v2') } }, true],
    ['is copied when a platform is new', { resolution: { ...mirrored('v1'), mirrored: onlyArm } }, true],
    [
      'is complete with all platforms',
      { platforms: [arm64], resolution: { ...mirrored('v1'), mirrored: onlyArm } },
      false,
    ],
    ['waits after a fault', { resolution: faulty('unavailable'), now: 29_999 }, false],
    ['is tried again after a fault', { resolution: faulty('unavailable'), now: 30_000 }, true],
    [
      'is tried at once with other credentials',
      { resolution: faulty('denied'), now: 1, newCredentials: new Set([name]) },
      true,
    ],
    ['is left alone while all who want it are suspended', { isSuspended: true }, false],
    ['is not begun twice', { inFlight: new Set([name]) }, false],
    [
      'is only looked up while no platform is known',
      { platforms: [], resolution: { ...unresolved, target: aRoot('v1'), checkedAt: 0 } },
      false,
    ],
  ])('%s', (_, situation, isDue) => {
    expect(plan(situation).due.map((want) => want.name)).toEqual(isDue ? [expect.anything()] : [])
  })

  it('is looked up when the clock was set back', () => {
    expect(plan({ resolution: { ...mirrored('v1'), checkedAt: 1e9 } }).due).toHaveLength(1)
  })

  it('is not looked up again and again when the clock was set back behind an order', () => {
    expect(plan({ resolution: mirrored('v1'), refreshSince: 1e9 }).due).toEqual([])
  })

  it('has its turn before one that was tried already', () => {
    const want = (image: string): Want => {
      return { ...listedImage(image), platforms: [amd64], secrets: [], ...refreshing }
    }
    const [hanging, fresh] = [want('hangs:1'), want('new:1')]
    const { due } = planResolve({
      wants: new Map([hanging, fresh].map((one) => [one.name, one])),
      resolutions: new Map([[hanging.name, faulty('unavailable')]]),
      inFlight: new Set(),
      newCredentials: new Set(),
      now: minute,
    })
    expect(due).toEqual([fresh, hanging])
  })

  it('is forgotten a day after it was looked up last, if nobody wants it', () => {
    const at = (now: number) => {
      const resolutions = new Map([
        ['a', { ...mirrored('v1'), checkedAt: minute }],
        [name, mirrored('v1')],
      ])
      const want = { ...listedImage(name), platforms: [], secrets: [], ...refreshing }
      const wants = new Map([[name, want]])
      return planResolve({ wants, resolutions, inFlight: new Set(), newCredentials: new Set(), now }).forget
    }
    expect(at(24 * 60 * minute)).toEqual([])
    expect(at(24 * 60 * minute + minute + 1)).toEqual(['a'])
  })

  it('is dropped in mid-copy when nobody wants it any more', () => {
    expect(plan({ inFlight: new Set(['x', name]) }).cancel).toEqual(['x'])
    expect(plan({ inFlight: new Set([name]), isSuspended: true }).cancel).toEqual([name])
  })

  it('says when it will be due', () => {
    expect(plan({ resolution: faulty('denied'), now: 1 }).nextAt).toBe(30_000)
    expect(plan({ resolution: mirrored('v1'), refreshMs: Infinity }).nextAt).toBe(Infinity)
    const { nextAt } = plan({ resolution: mirrored('v1') })
    expect(nextAt).toBeGreaterThanOrEqual(13.5 * minute)
    expect(nextAt).toBeLessThanOrEqual(16.5 * minute)
  })

  it('is looked up again at a time of its own, near the one that was asked for', () => {
    const images = Array.from({ length: 200 }, (_, index) => `nginx:${index}`)
    const times = images.map((image) => plan({ image, resolution: mirrored('v1') }).nextAt)
    for (const at of times) expect(Math.abs(at - 15 * minute)).toBeLessThanOrEqual(1.5 * minute)
    const inOneMinute = Map.groupBy(times, (at) => Math.floor(at / minute))
    expect(Math.max(...[...inOneMinute.values()].map(({ length }) => length))).toBeLessThan(100)
  })

  it('never waits less than it was asked to, nor for ever', () => {
    const code = fc.constantFrom('invalid', 'not-found', 'denied', 'unavailable', 'corrupt', 'no-space', 'conflict')
    const input = fc.record({
      code,
      attempts: fc.integer({ min: 1, max: 1e6 }),
      random: fc.double({ min: 0, max: 1, noNaN: true }),
      retryAfterMs: fc.option(fc.nat(1e7), { nil: undefined }),
    })
    fc.assert(
      fc.property(input, (fault) => {
        const waitMs = backOffMs(fault)
        expect(waitMs).toBeGreaterThanOrEqual(fault.retryAfterMs ?? 500)
        expect(waitMs).toBeLessThanOrEqual(Math.max(fault.retryAfterMs ?? 0, 15 * minute))
      }),
    )
  })
})

describe('what is wanted of a reference', () => {
  const arm = (node: string) => aNode(node, { platform: arm64, labels: { tier: 'arm' } })
  const list: ListSpec = { images: ['nginx:1'], nodeSelector: { tier: 'arm' } }
  const wants = (...caches: Parameters<typeof aCache>[]) =>
    planWants({
      caches: caches.map((cache) => living(aCache(...cache))),
      nodes: [aNode('a'), arm('b')],
      exports: new Map(),
      refreshMs: 15 * minute,
      now: 0,
    })

  it.each<[string, ListSpec, string[]]>([
    ['of all nodes', { images: ['nginx:1'] }, ['amd64', 'arm64']],
    ['of selected nodes', list, ['arm64']],
    ['of no node', { ...list, nodeSelector: { tier: 'x' } }, []],
    ['that the list names besides', { ...list, platforms: ['linux/s390x'] }, ['arm64', 's390x']],
  ])('are the platforms %s', (_, spec, expected) => {
    expect(
      wants(['a', [spec]])
        .get(name)
        ?.platforms.map(({ architecture }) => architecture),
    ).toEqual(expected)
  })

  it('is what all caches want together, with the secrets of each', () => {
    const all = wants(
      ['a', [{ ...list, platforms: ['linux/386'] }], { imagePullSecrets: [{ name: 's' }, {}] }],
      ['b', [list], { metadata: { namespace: 'team' }, imagePullSecrets: [{ name: 's' }] }],
    )
    expect([...all.keys()]).toEqual([name])
    expect(all.get(name)?.platforms).toHaveLength(2)
    expect(all.get(name)?.secrets).toEqual(['default/s', 'team/s'])
  })

  it.each<[string, object[], Partial<Want>]>([
    ['as the controller is told', [{}], { refreshMs: 15 * minute, isOnce: false }],
    ['as often as the cache says', [{ refreshFrequency: '1h' }], { refreshMs: 60 * minute }],
    ['as often as anybody wants it', [{ refreshFrequency: '1h' }, { refreshFrequency: '1m' }], { refreshMs: minute }],
    ['never', [{ refreshFrequency: '0s' }], { refreshMs: Infinity, isOnce: false }],
    ['once', [{ imagePullPolicy: 'IfNotPresent' }], { refreshMs: Infinity, isOnce: true, refreshSince: 0 }],
    ['not at all while it is suspended', [{ suspend: true }], { isSuspended: true, platforms: [] }],
    ['for others while one is suspended', [{ suspend: true }, {}], { isSuspended: false, isOnce: false }],
    ['once, but not for another cache', [{ imagePullPolicy: 'IfNotPresent' }, {}], { isOnce: false, refreshSince: 7 }],
    [
      'again by order',
      [{ imagePullPolicy: 'Always', refreshFrequency: '0s' }],
      { refreshSince: 7, refreshMs: Infinity },
    ],
  ])('is looked up %s', (_, specs, expected) => {
    const caches = specs.map((spec, index) => {
      const { cache, record } = living(aCache(`c${index}`, ['nginx:1'], spec))
      return { cache, record: { ...record, refreshSince: 7 } }
    })
    const all = planWants({ caches, nodes: [], exports: new Map(), refreshMs: 15 * minute, now: 0 })
    expect(all.get(name)).toMatchObject(expected)
  })

  it('is nothing for a cache that was purged', () => {
    const { cache, record } = living(aCache('a', ['nginx:1']))
    const caches = [{ cache, record: { ...record, purged: true } }]
    expect(planWants({ caches, nodes: [aNode('a')], exports: new Map(), refreshMs: 0, now: 0 }).size).toBe(0)
  })

  it('holds what is to be exported, for a while', () => {
    const exports = new Map([
      [name, { version: 1 as const, askedAt: 5, platforms: [{ platform: 'linux/arm64', until: 10 }] }],
    ])
    const at = (now: number) => planWants({ caches: [], nodes: [], exports, refreshMs: 0, now }).get(name)?.platforms
    expect(at(9)).toEqual([arm64])
    expect(planWants({ caches: [], nodes: [], exports, refreshMs: 0, now: 9 }).get(name)?.refreshSince).toBe(5)
    expect(at(10)).toBeUndefined()
  })
})
