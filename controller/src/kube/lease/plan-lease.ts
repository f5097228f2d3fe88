import { addressAnnotation, holderOf, microTime, type Lease } from './lease.ts'
import type { LeaseTiming } from './lease-timing.ts'

/**
 * What a process has seen of the Lease. It measures with its own clock how long it has seen no change; what other clocks wrote
 * into it counts for nothing.
 */
export interface LeaseSight {
  /** Its latest version; undefined if there never was one. */
  readonly lease: Lease | undefined
  /** Whether it was there at the last look. */
  readonly isThere: boolean
  /** When that version was first seen, in milliseconds of a clock that never goes back. */
  readonly since: number
}

/** What is seen now, after what was seen before. A Lease that somebody deleted binds until it would have ended. */
export function seeLease(before: LeaseSight | undefined, lease: Lease | undefined, now: number): LeaseSight {
  if (!lease) return { lease: before?.lease, isThere: false, since: before?.since ?? now }
  const isSame = before?.lease?.metadata.resourceVersion === lease.metadata.resourceVersion
  return { lease, isThere: true, since: isSame ? before.since : now }
}

export interface LeaseContext {
  /** Of this process, and of no other one ever. */
  readonly identity: string
  readonly timing: LeaseTiming
}

/** `create`, `renew` and `take` are writes of the version that was seen. */
export type LeaseMove =
  | { readonly kind: 'create' | 'renew' | 'take' }
  | { readonly kind: 'wait'; readonly holder: string; readonly until: number }

/** What is to be done about a Lease that was just looked at. `until` is of the same clock as `now`. */
export function planLease(sight: LeaseSight, { identity, timing }: LeaseContext, now: number): LeaseMove {
  const { lease, isThere, since } = sight
  if (!lease) return { kind: 'create' }
  const holder = holderOf(lease)
  if (holder === undefined || holder === identity) {
    return { kind: !isThere ? 'create' : holder === undefined ? 'take' : 'renew' }
  }
  const until = since + durationMs(lease, timing)
  if (now < until) return { kind: 'wait', holder, until }
  return { kind: isThere ? 'take' : 'create' }
}

function durationMs({ spec }: Lease, { leaseDurationMs }: LeaseTiming): number {
  const { leaseDurationSeconds: seconds } = spec
  return typeof seconds === 'number' ? seconds * 1000 : leaseDurationMs
}

/** Another process that leads, as far as is known. */
export interface KnownLeader {
  readonly identity: string
  /** `HOST:PORT`, if it says where it is reached. */
  readonly address: string | undefined
  /** When somebody else may take its place if it is not heard of, by the same clock as what was seen. */
  readonly until: number
}

/** Who else leads, by what was seen. */
export function otherLeader({ lease, since }: LeaseSight, { identity, timing }: LeaseContext): KnownLeader | undefined {
  const holder = lease && holderOf(lease)
  if (holder === undefined || holder === identity) return undefined
  const address = lease?.metadata.annotations?.[addressAnnotation]
  return { identity: holder, address, until: since + durationMs(lease!, timing) }
}

export interface LeaseClaim extends LeaseContext {
  /** Where this process is reached. */
  readonly address: string | undefined
  /** Epoch milliseconds, for people. */
  readonly now: number
}

/** A Lease of which only the name is known. */
export interface LeaseName {
  readonly namespace: string
  readonly name: string
}

/** The Lease as the move writes it. All that others put there stays. */
export function claimedLease(
  kind: Exclude<LeaseMove['kind'], 'wait'>,
  { lease }: LeaseSight,
  { identity, timing, address, now, ...named }: LeaseClaim & LeaseName,
): object {
  const { leaseTransitions } = lease?.spec ?? {}
  const isOwn = lease !== undefined && holderOf(lease) === identity
  const spec = {
    ...lease?.spec,
    holderIdentity: identity,
    leaseDurationSeconds: timing.leaseDurationMs / 1000,
    acquireTime: (isOwn && lease.spec.acquireTime) || microTime(now),
    renewTime: microTime(now),
    leaseTransitions: lease === undefined ? 0 : (leaseTransitions ?? 0) + (isOwn ? 0 : 1),
  }
  return { ...metadataFor(kind === 'create' ? undefined : lease, address, named), spec }
}

/** The Lease as who orderly ends leaves it: the next one need not wait. */
export function releasedLease(lease: Lease, now: number): object {
  const { name, namespace = '' } = lease.metadata
  const spec = {
    ...lease.spec,
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: microTime(now),
    renewTime: microTime(now),
  }
  return { ...metadataFor(lease, undefined, { name, namespace }), spec }
}

function metadataFor(lease: Lease | undefined, address: string | undefined, { name, namespace }: LeaseName): object {
  const { [addressAnnotation]: _, ...others } = lease?.metadata.annotations ?? {}
  const annotations = address === undefined ? others : { ...others, [addressAnnotation]: address }
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { ...(lease?.metadata ?? { name, namespace }), annotations },
  }
}
