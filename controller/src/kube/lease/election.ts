import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'
import { holderOf, type Lease } from './lease.ts'
import type { LeaseClient } from './lease-client.ts'
import type { LeaseTiming } from './lease-timing.ts'
import {
  claimedLease,
  otherLeader,
  planLease,
  releasedLease,
  seeLease,
  type KnownLeader,
  type LeaseName,
  type LeaseSight,
} from './plan-lease.ts'

/** What who leads may rely on. */
export interface Leadership {
  /** Aborts when it is over, or is to end. */
  readonly signal: AbortSignal
  /**
   * Whether nobody else can lead yet. To be asked right before each write: a process may have been stopped for minutes without
   * noticing.
   */
  readonly mayWrite: () => boolean
}

/** One process's part in the election of a leader. */
export interface Election {
  /** Who leads, if it is another process. `until` is of the steady clock. */
  leader(): KnownLeader | undefined
  /**
   * Waits until this process leads, then runs `lead`; when that has ended by `signal`, lets go of the Lease.
   * @throws Fault conflict | unavailable if it led and leads no longer, after `lead` has ended; whatever `lead` throws
   */
  run(lead: (leadership: Leadership) => Promise<void>, signal: AbortSignal): Promise<void>
}

export interface ElectionOptions extends LeaseName {
  readonly leases: LeaseClient
  /** Of this process, and of no other one ever. */
  readonly identity: string
  /** `HOST:PORT` where the others reach this process. */
  readonly address: string | undefined
  readonly timing: LeaseTiming
  readonly clocks: ElectionClocks
  readonly random: () => number
  readonly log: Logger
}

export interface ElectionClocks {
  /** Milliseconds, from any beginning, never going back. */
  readonly steady: () => number
  /** Epoch milliseconds. */
  readonly wall: () => number
  /** Resolves after so many milliseconds of the steady clock, or when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

interface Hold {
  /** Steady milliseconds of when the request was sent by which the Lease was taken or kept last. */
  readonly at: number
  readonly wallAt: number
}

/** An election by a Lease, as Kubernetes' own components hold it. */
export function createElection(options: ElectionOptions): Election {
  const { leases, identity, timing, clocks, log } = options
  const { steady, wall, sleep } = clocks
  const { renewDeadlineMs, retryPeriodMs } = timing
  let sight: LeaseSight | undefined
  /** Whether the Lease may be another one than was seen last. */
  let isStale = true
  let hold: Hold | undefined

  const leader = (): KnownLeader | undefined => sight && otherLeader(sight, options)

  function see(lease: Lease | undefined): LeaseSight {
    const before = leader()?.identity
    sight = seeLease(sight, lease, steady())
    const now = leader()?.identity
    if (now !== undefined && now !== before) log.info({ leader: now }, 'another process leads')
    return sight
  }

  /** Looks and, where it can be had, takes or keeps the Lease. Resolves with when somebody else's may end, if it is. */
  async function tryOnce(signal: AbortSignal): Promise<number | undefined> {
    const seen = isStale || !sight ? see(await leases.read(signal)) : sight
    const move = planLease(seen, options, steady())
    isStale = true
    if (move.kind === 'wait') {
      if (hold) throw lost('conflict', `${move.holder} leads now`)
      return move.until
    }
    const claim = { at: steady(), wallAt: wall() }
    const lease = claimedLease(move.kind, seen, { ...options, now: claim.wallAt })
    see(await (move.kind === 'create' ? leases.create(lease, signal) : leases.update(lease, signal)))
    isStale = false
    hold = claim
    return undefined
  }

  /** Once more at once if somebody else was faster: then what they wrote is looked at. */
  async function tryNow(signal: AbortSignal): Promise<number | undefined> {
    try {
      return await tryOnce(signal)
    } catch (error) {
      if (isLost(error) || !(isFault(error, 'conflict') || isFault(error, 'not-found'))) throw error
      return await tryOnce(signal)
    }
  }

  async function within<T>(ms: number, ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const done = new AbortController()
    const late = new AbortController()
    const timer = sleep(ms, AbortSignal.any([signal, done.signal])).then(() => late.abort())
    try {
      return await ask(AbortSignal.any([signal, late.signal]))
    } catch (cause) {
      if (signal.aborted || !late.signal.aborted) throw cause
      throw new Fault('unavailable', `the API server has not answered within ${ms / 1000} s`, { cause })
    } finally {
      done.abort()
      await timer
    }
  }

  const trouble = createTrouble(log)

  /** @returns whether it leads, which it does not if the signal came first */
  async function win(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const nextAt = steady() + retryPeriodMs * (0.8 + 0.4 * options.random())
      let until: number | undefined = nextAt
      try {
        until = await within(renewDeadlineMs / 2, tryNow, signal)
        trouble.over()
        if (until === undefined) return !signal.aborted
      } catch (error) {
        if (signal.aborted) break
        trouble.note(error, 'no part in the election')
      }
      await sleep(Math.max(0, Math.min(nextAt, until ?? nextAt) - steady()), signal)
    }
    return false
  }

  /** Keeps the Lease until the signal. @throws Fault when it is lost */
  async function keep(signal: AbortSignal): Promise<void> {
    const leftMs = (): number => (hold?.at ?? -Infinity) + renewDeadlineMs - steady()
    for (;;) {
      await sleep(Math.max(0, Math.min(retryPeriodMs, leftMs())), signal)
      if (signal.aborted) return
      if (leftMs() <= 0) throw lost('unavailable', `its Lease was not renewed for ${renewDeadlineMs / 1000} s`, trouble)
      try {
        await within(Math.min(leftMs(), renewDeadlineMs / 2), tryNow, signal)
        trouble.over()
      } catch (error) {
        if (signal.aborted) return
        if (isLost(error)) throw error
        trouble.note(error, 'Lease not renewed')
      }
    }
  }

  async function release(): Promise<void> {
    if (!hold) return
    hold = undefined
    const letGo = async (signal: AbortSignal): Promise<void> => {
      const lease = isStale || !sight ? see(await leases.read(signal)).lease : sight.lease
      if (lease && holderOf(lease) === identity) await leases.update(releasedLease(lease, wall()), signal)
    }
    try {
      await within(retryPeriodMs, letGo, new AbortController().signal)
      log.info('Lease released')
    } catch (err) {
      if (!isFault(err)) throw err
      log.warn({ err }, 'Lease not released: whoever is next waits until it has ended')
    }
  }

  function mayWrite(): boolean {
    if (!hold) return false
    // A machine that slept has stopped the steady clock, but not the time of day.
    const passed = Math.max(steady() - hold.at, wall() - hold.wallAt)
    return passed < renewDeadlineMs
  }

  return {
    leader,

    async run(lead, signal) {
      if (!(await win(signal))) return await release()
      log.info({ identity }, 'this process leads')
      const [over, done] = [new AbortController(), new AbortController()]
      const keeping = keep(done.signal).catch((error: unknown) => {
        hold = undefined
        over.abort(error)
        throw error
      })
      keeping.catch(() => undefined)
      try {
        await lead({ signal: AbortSignal.any([signal, over.signal]), mayWrite })
      } catch (error) {
        // What it met on its way out says less than why it had to go.
        throw over.signal.aborted ? over.signal.reason : error
      } finally {
        done.abort()
        await Promise.allSettled([keeping])
        await release()
      }
      await keeping
    },
  }
}

interface Trouble {
  /** The latest; undefined if all is well. */
  last(): string | undefined
  /** @throws what is no Fault */
  note(error: unknown, message: string): void
  over(): void
}

/** Says once what is wrong, however often it is tried. */
function createTrouble(log: Logger): Trouble {
  let last: string | undefined
  return {
    last: () => last,
    note(err, message) {
      if (!isFault(err)) throw err
      log[err.message === last ? 'debug' : 'warn']({ err }, message)
      last = err.message
    },
    over() {
      if (last !== undefined) log.info('the Lease can be read and written again')
      last = undefined
    },
  }
}

function lost(code: 'conflict' | 'unavailable', why: string, trouble?: Trouble): Fault {
  const because = trouble?.last() === undefined ? why : `${why} (${trouble.last()})`
  const message = `this process is the leader no longer: ${because}; it ends, to be started anew`
  return new Fault(code, message, { details: { isLost: true } })
}

function isLost(error: unknown): boolean {
  return isFault(error) && error.details['isLost'] === true
}
