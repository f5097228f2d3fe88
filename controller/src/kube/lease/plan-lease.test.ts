import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressAnnotation, holderOf, leaseSchema, type Lease } from './lease.ts'
import { claimedLease, planLease, releasedLease, seeLease, type LeaseSight } from './plan-lease.ts'

const timing = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000 }
const context = { identity: 'me', timing }
const at = Date.UTC(2026, 10, 23)
const claim = { ...context, namespace: 'ns', name: 'stowage', address: '10.0.0.1:5080', now: at }

function lease(spec: Lease['spec'], resourceVersion = '1'): Lease {
  return leaseSchema.parse({ metadata: { name: 'stowage', namespace: 'ns', uid: 'u', resourceVersion }, spec })
}

function sight(spec: Lease['spec'] | undefined, isThere = spec !== undefined): LeaseSight {
  return { lease: spec && lease(spec), isThere, since: 1000 }
}

describe('what is done about a Lease', () => {
  it.each<[string, LeaseSight, number, object]>([
    ['there never was one', sight(undefined), 0, { kind: 'create' }],
    ['nobody holds it', sight({ holderIdentity: '' }), 0, { kind: 'take' }],
    ['it has no holder at all', sight({}), 0, { kind: 'take' }],
    ['this process holds it', sight({ holderIdentity: 'me' }), 99_999, { kind: 'renew' }],
    [
      'another one holds it',
      sight({ holderIdentity: 'other', leaseDurationSeconds: 20 }),
      20_999,
      { kind: 'wait', holder: 'other', until: 21_000 },
    ],
    ['another one held it', sight({ holderIdentity: 'other', leaseDurationSeconds: 20 }), 21_000, { kind: 'take' }],
    ['it does not say for how long', sight({ holderIdentity: 'other' }), 15_999, { kind: 'wait', until: 16_000 }],
    [
      'its times say that it is over',
      sight({ holderIdentity: 'other', renewTime: '1999-01-01T00:00:00Z' }),
      2000,
      { kind: 'wait' },
    ],
    ['another one’s is deleted', sight({ holderIdentity: 'other' }, false), 15_999, { kind: 'wait' }],
    ['another one’s was deleted and is over', sight({ holderIdentity: 'other' }, false), 16_000, { kind: 'create' }],
    ['this process’s is deleted', sight({ holderIdentity: 'me' }, false), 0, { kind: 'create' }],
  ])('where %s', (_, seen, now, move) => {
    expect(planLease(seen, context, now)).toMatchObject(move)
  })

  it('is to wait for as long as another one’s changes, and never longer than it lasts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ after: fc.integer({ min: 0, max: 40_000 }), isChange: fc.boolean() }), { minLength: 1 }),
        (looks) => {
          let [now, version, changedAt] = [0, 0, 0]
          let seen: LeaseSight | undefined
          for (const { after, isChange } of looks) {
            now += after
            if (isChange || !seen) [version, changedAt] = [version + 1, now]
            seen = seeLease(seen, lease({ holderIdentity: 'other' }, String(version)), now)
            expect(planLease(seen, context, now).kind).toBe(now - changedAt < 15_000 ? 'wait' : 'take')
          }
        },
      ),
    )
  })
})

describe('the Lease that is written', () => {
  it('is a new one', () => {
    expect(claimedLease('create', sight(undefined), claim)).toEqual({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'stowage', namespace: 'ns', annotations: { [addressAnnotation]: '10.0.0.1:5080' } },
      spec: {
        holderIdentity: 'me',
        leaseDurationSeconds: 15,
        acquireTime: '2026-11-23T00:00:00.000000Z',
        renewTime: '2026-11-23T00:00:00.000000Z',
        leaseTransitions: 0,
      },
    })
  })

  it('counts who took it, and says since when', () => {
    const taken = leaseSchema.parse(
      claimedLease('take', sight({ holderIdentity: 'other', leaseTransitions: 4 }), claim),
    )
    expect(taken.spec).toMatchObject({ holderIdentity: 'me', leaseTransitions: 5 })
    const seen = { lease: taken, isThere: true, since: 0 }
    expect(claimedLease('renew', seen, { ...claim, now: at + 2000 })).toMatchObject({
      metadata: { resourceVersion: '1' },
      spec: {
        acquireTime: '2026-11-23T00:00:00.000000Z',
        renewTime: '2026-11-23T00:00:02.000000Z',
        leaseTransitions: 5,
      },
    })
  })

  it('keeps what others put there', () => {
    const found = { ...lease({ holderIdentity: '', strategy: 'OldestEmulationVersion' }) }
    const metadata = { ...found.metadata, labels: { app: 'x' }, annotations: { note: 'y' } }
    const written = claimedLease('take', { lease: { ...found, metadata }, isThere: true, since: 0 }, claim)
    expect(written).toMatchObject({
      metadata: { labels: { app: 'x' }, annotations: { note: 'y', [addressAnnotation]: '10.0.0.1:5080' } },
      spec: { strategy: 'OldestEmulationVersion' },
    })
    const left = leaseSchema.parse(releasedLease(leaseSchema.parse(written), at))
    expect(holderOf(left)).toBeUndefined()
    expect(left.metadata.annotations).toEqual({ note: 'y' })
    expect(planLease({ lease: left, isThere: true, since: 0 }, context, 0)).toEqual({ kind: 'take' })
  })
})
