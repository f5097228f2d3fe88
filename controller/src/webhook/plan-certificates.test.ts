import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { switchServingAt, type Served } from './choose-serving.ts'
import { planCertificates, type CertificateLifetimes, type CertificateTimes } from './plan-certificates.ts'

const lifetimes: CertificateLifetimes = { authorityMs: 30_000, servingMs: 9_000, settleMs: 100 }
const calm: CertificateTimes = {
  begins: 0,
  authorityEnds: 30_000,
  servingEnds: 9_000,
  nextEnds: undefined,
  hasPrevious: false,
  changedAt: 0,
}

describe('a plan for certificates', () => {
  it.each<[string, CertificateTimes | undefined, { now: number; isNextTrusted?: boolean }, string | undefined, number]>(
    [
      ['makes them where there are none', undefined, { now: 5 }, 'make', 5],
      ['makes them where their authority has ended', calm, { now: 30_000 }, 'make', 30_000],
      ['makes them where they were made by a clock that was ahead', { ...calm, begins: 6 }, { now: 5 }, 'make', 5],
      ['leaves what is good', calm, { now: 0 }, undefined, 6_000],
      ['renews what is served when a third of its time is left', calm, { now: 6_000 }, 'renew', 20_000],
      ['renews what has ended', calm, { now: 10_000 }, 'renew', 20_000],
      [
        'makes the next authority when a third of its time is left',
        { ...calm, servingEnds: 29_000 },
        { now: 20_000 },
        'make-next',
        26_000,
      ],
      ['does not let it sign before it is trusted', { ...calm, nextEnds: 50_000 }, { now: 200 }, undefined, 6_000],
      [
        'nor before all API servers have heard of it',
        { ...calm, nextEnds: 50_000 },
        { now: 50, isNextTrusted: true },
        undefined,
        100,
      ],
      ['lets it sign then', { ...calm, nextEnds: 50_000 }, { now: 100, isNextTrusted: true }, 'switch', 6_000],
      [
        'makes another one for one that ended',
        { ...calm, nextEnds: 50 },
        { now: 100, isNextTrusted: true },
        'make-next',
        6_000,
      ],
      ['keeps the one before for a while', { ...calm, hasPrevious: true }, { now: 999 }, undefined, 1_000],
      ['and not longer', { ...calm, hasPrevious: true }, { now: 1_000 }, 'forget-previous', 6_000],
    ],
  )('%s', (_, times, { now, isNextTrusted = false }, step, nextAt) => {
    expect(planCertificates({ times, isNextTrusted, now }, lifetimes)).toEqual({ step, nextAt })
  })
})

/** Authorities are numbers; a certificate is a text that names its authority. */
interface Shared {
  readonly authority: number
  readonly next: number | undefined
  readonly previous: number | undefined
  readonly times: CertificateTimes
}

/** Several replicas, an API server that learns late, and people who delete and overwrite what they find. */
class World {
  now = 0
  made = 0
  secret: Shared | undefined
  /** As it is stored, and as the API server goes by; since when each stored authority is there. */
  bundle = new Map<number, number>()
  believed = new Set<number>()
  readonly serving: (Served | undefined)[] = [undefined, undefined]

  /** One look of a replica, as the loop does it: the Secret, the bundle, and then what is served. */
  look(replica: number): void {
    const { secret, now } = this
    const isNextTrusted = secret?.next !== undefined && this.bundle.has(secret.next)
    const { step } = planCertificates({ times: secret?.times, isNextTrusted, now }, lifetimes)
    if (step) this.secret = this.after(step, secret, this.serving[replica])
    const known = this.secret!
    this.heal([known.authority, known.next, known.previous].filter((one) => one !== undefined))
    const candidate = served(known.authority, known.times.servingEnds)
    const current = this.serving[replica]
    const trustedSince = (authority: string): number | undefined => this.bundle.get(Number(authority))
    const at = switchServingAt({ current, candidate, isKnown: true, trustedSince, settleMs: lifetimes.settleMs, now })
    if (at <= now) this.serving[replica] = candidate
  }

  heal(authorities: readonly number[]): void {
    this.bundle = new Map(authorities.map((one) => [one, this.bundle.get(one) ?? this.now]))
  }

  /** The API server hears of a change within settleMs. */
  pass(ms: number): void {
    this.now += ms
    for (const [one, since] of this.bundle) if (this.now - since >= lifetimes.settleMs) this.believed.add(one)
    for (const one of this.believed) if (!this.bundle.has(one)) this.believed.delete(one)
  }

  after(step: string, secret: Shared | undefined, current: Served | undefined): Shared {
    const { now } = this
    const servingEnds = now + lifetimes.servingMs
    const fresh = { ...calm, authorityEnds: now + lifetimes.authorityMs, servingEnds, changedAt: now }
    if (step === 'make' || !secret) {
      const previous = current && Number(current.authority)
      return {
        authority: ++this.made,
        next: undefined,
        previous,
        times: { ...fresh, hasPrevious: current !== undefined },
      }
    }
    const { times } = secret
    if (step === 'make-next')
      return {
        ...secret,
        next: ++this.made,
        times: { ...times, nextEnds: now + lifetimes.authorityMs, changedAt: now },
      }
    if (step === 'switch') {
      const switched = {
        begins: 0,
        authorityEnds: times.nextEnds!,
        servingEnds,
        nextEnds: undefined,
        hasPrevious: true,
        changedAt: now,
      }
      return { authority: secret.next!, next: undefined, previous: secret.authority, times: switched }
    }
    if (step === 'forget-previous')
      return { ...secret, previous: undefined, times: { ...times, hasPrevious: false, changedAt: now } }
    return { ...secret, times: { ...times, servingEnds } }
  }
}

function served(authority: number, ends: number): Served {
  return { pair: { certificate: `${authority} ${ends}`, key: '' }, authority: String(authority) }
}

describe('replicas that look often enough', () => {
  it('serve at all times what the API server believes, and what has not ended, over any number of authorities', () => {
    const step = fc.record({ ms: fc.integer({ min: 1, max: 300 }), looks: fc.constantFrom([0], [1], [0, 1], [1, 0]) })
    fc.assert(
      fc.property(fc.array(step, { minLength: 400, maxLength: 800 }), (steps) => {
        const world = new World()
        for (const replica of [0, 1]) world.look(replica)
        world.pass(lifetimes.settleMs)
        const lookedAt = [world.now, world.now]
        for (const { ms, looks } of steps) {
          world.pass(ms)
          // Within the patience that everybody has with the other one.
          const late = [0, 1].filter((replica) => world.now - lookedAt[replica]! > 500)
          for (const replica of [...late, ...looks]) {
            world.look(replica)
            lookedAt[replica] = world.now
          }
          for (const one of world.serving) {
            expect(world.believed).toContain(Number(one?.authority))
            expect(ended(one, world.now)).toBe(false)
          }
        }
        expect(world.made).toBeGreaterThan(1)
      }),
      // To shrink so many steps takes longer than to read them.
      { numRuns: 50, endOnFailure: true },
    )
  })

  it('agree on one authority after the Secret was deleted, and stay believed', () => {
    const world = new World()
    for (const replica of [0, 1]) world.look(replica)
    world.pass(500)
    world.secret = undefined
    for (let turn = 0; turn < 20; turn++) {
      world.look(turn % 2)
      expect(world.serving.map((one) => world.believed.has(Number(one?.authority)))).toEqual([true, true])
      world.pass(40)
    }
    expect(world.serving.map((one) => one?.authority)).toEqual(['2', '2'])
    world.pass(1000)
    world.look(0)
    expect([...world.bundle.keys()]).toEqual([2])
  })
})

describe('what is served', () => {
  const [old, fresh] = [served(1, 0), served(2, 0)]
  it.each<[string, Served | undefined, Record<string, number> | 'unknown', number]>([
    ['is the first there is', undefined, {}, 1000],
    ['is the first there is, whoever is believed', undefined, 'unknown', 1000],
    ['changes at once where the current one is not believed', old, {}, 1000],
    ['stays as long as nobody knows who is believed', old, 'unknown', Infinity],
    ['stays as long as the other one is not believed', old, { 1: 0 }, Infinity],
    ['changes when the other one is known everywhere', old, { 1: 0, 2: 950 }, 1050],
    ['changes at once within an authority', served(2, 5), { 2: 999 }, 1000],
    ['changes at once within an authority, whoever is believed', served(2, 5), 'unknown', 1000],
  ])('%s', (_, current, believed, at) => {
    const isKnown = believed !== 'unknown'
    const trustedSince = (authority: string): number | undefined => (isKnown ? believed[authority] : undefined)
    const choice = { current, candidate: fresh, isKnown, trustedSince, settleMs: 100, now: 1000 }
    expect(switchServingAt(choice)).toBe(at)
  })
})

function ended(one: Served | undefined, now: number): boolean {
  return Number(one?.pair.certificate.split(' ')[1]) <= now
}
