import { Fault } from '@stowage/mirror/oci/fault'
import { createElection, type Election, type Leadership } from '../kube/lease/election.ts'
import { holderOf, leaseSchema, type Lease } from '../kube/lease/lease.ts'
import type { LeaseClient } from '../kube/lease/lease-client.ts'
import { silentLog } from './silent-log.ts'
import { createSimulatedTime, type SimulatedTime } from './simulated-time.ts'

/** What befalls a process of a simulated election. Times are milliseconds of the simulation. */
export interface Fate {
  /** How fast its clocks go: 1 is right. */
  readonly rate: number
  /** How far its time of day is off, in milliseconds. */
  readonly offMs: number
  /** When it stands still, as by SIGSTOP. */
  readonly pauses: readonly Span[]
  /** When nothing of what is said between it and the API server arrives. */
  readonly silences: readonly (Span & { readonly loses: 'questions' | 'answers' })[]
}

export interface Span {
  readonly from: number
  readonly to: number
}

export interface SimulatedProcess {
  readonly identity: string
  readonly election: Election
  /** Whether it believes, if it is asked now, that it leads; undefined while it stands still. */
  believes(): boolean | undefined
  /** What it ended with: `lost`, or `stopped` in an orderly way. */
  ended(): 'lost' | 'stopped' | undefined
  stop(): void
}

export interface SimulatedElection {
  readonly time: SimulatedTime
  readonly server: SimulatedLease
  readonly start: (identity: string, fate?: Partial<Fate>) => SimulatedProcess
}

/** The one Lease of a simulated API server. */
export interface SimulatedLease {
  lease: Lease | undefined
  /** Who held it, one after the other. */
  readonly holders: string[]
}

export const timing = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000 }

/** Real elections, of processes whose clocks, pauses and ways to the API server are made up. */
export function createSimulatedElection(random: () => number): SimulatedElection {
  const time = createSimulatedTime()
  const server: SimulatedLease = { lease: undefined, holders: [] }
  let version = 0

  function store(next: object): Lease {
    version++
    const read = next as { metadata: object }
    server.lease = leaseSchema.parse({
      ...next,
      metadata: { uid: 'u', ...read.metadata, resourceVersion: String(version) },
    })
    const holder = holderOf(server.lease)
    if (holder !== undefined && holder !== server.holders.at(-1)) server.holders.push(holder)
    return server.lease
  }

  function create(lease: object): Lease {
    if (server.lease) throw new Fault('conflict', 'there is one')
    return store(lease)
  }

  function update(lease: object): Lease {
    const { resourceVersion } = (lease as Lease).metadata
    if (!server.lease) throw new Fault('not-found', 'there is none')
    if (server.lease.metadata.resourceVersion !== resourceVersion) throw new Fault('conflict', 'it was changed')
    return store(lease)
  }

  function start(identity: string, fate: Partial<Fate> = {}): SimulatedProcess {
    const { rate = 1, offMs = 0, pauses = [], silences = [] } = fate
    const startedAt = time.now()
    const awakeAt = (at: number): number =>
      pauses.reduce((then, { from, to }) => (then >= from && then < to ? to : then), at)
    const own = (at: number): number => (at - startedAt) * rate

    /** One question and its answer, each on its way for a while, or lost. */
    async function ask<T>(signal: AbortSignal, answer: () => T): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<T>()
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      const [there, back] = [time.now() + 1 + 200 * random(), 1 + 200 * random()]
      const loses = (what: string, at: number): boolean =>
        silences.some(({ from, to, loses: lost }) => lost === what && at >= from && at < to)
      time.at(there, () => {
        if (loses('questions', there)) return
        const settle = attempt(answer, resolve, reject)
        if (!loses('answers', there)) time.at(awakeAt(there + back), settle)
      })
      return promise
    }

    const leases: LeaseClient = {
      read: (signal) => ask(signal, () => server.lease),
      create: (lease, signal) => ask(signal, () => create(lease)),
      update: (lease, signal) => ask(signal, () => update(lease)),
    }
    const election = createElection({
      leases,
      namespace: 'ns',
      name: 'lease',
      identity,
      address: `${identity}:1`,
      timing,
      clocks: {
        steady: () => own(time.now()),
        wall: () => own(time.now()) + offMs,
        sleep: (ms, signal) =>
          new Promise((resolve) => {
            const at = time.now() + ms / rate
            // Of what is due when a process goes on, answers come first: that is the harder case.
            const takeBack = time.at(awakeAt(at) === at ? at : awakeAt(at) + 1, resolve)
            const wake = (): void => {
              takeBack()
              resolve()
            }
            if (signal.aborted) wake()
            signal.addEventListener('abort', wake, { once: true })
          }),
      },
      random,
      log: silentLog,
    })
    const stop = new AbortController()
    let leadership: Leadership | undefined
    let end: 'lost' | 'stopped' | undefined
    const lead = async (given: Leadership): Promise<void> => {
      leadership = given
      await new Promise((resolve) => given.signal.addEventListener('abort', resolve, { once: true }))
    }
    election.run(lead, stop.signal).then(
      () => (end = 'stopped'),
      () => (end = 'lost'),
    )
    return {
      identity,
      election,
      believes: () => {
        if (awakeAt(time.now()) !== time.now()) return undefined
        return end === undefined && (leadership?.mayWrite() ?? false)
      },
      ended: () => end,
      stop: () => stop.abort(),
    }
  }

  return { time, server, start }
}

/** Does it now; the result tells how it went. */
function attempt<T>(work: () => T, resolve: (value: T) => void, reject: (error: unknown) => void): () => void {
  try {
    const value = work()
    return () => resolve(value)
  } catch (error) {
    return () => reject(error)
  }
}
