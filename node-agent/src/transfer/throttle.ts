import type { Digest } from '@stowage/mirror/oci/digest'
import type { Lane } from '../plan/passage.ts'
import { createWake, type Wake } from '../wake.ts'

/** Holds bytes to the limits that they are under, which may change while they come. */
export interface Throttle {
  /** Under which limit each blob is from now on; those that are not in it are under none. */
  allot(lanes: ReadonlyMap<Digest, Lane>): void
  /** Who shares a limit with a blob; undefined if it is under none. */
  laneOf(digest: Digest): string | undefined
  /** Told of bytes that came; resolves when the next may, or when the signal fires. */
  passed(digest: Digest, bytes: number, signal: AbortSignal): Promise<void>
}

/** What a limit lets through at once after a pause is what it lets through in so many milliseconds. */
const burstMs = 500

/** @param monotonicNow milliseconds, from any beginning, never going back */
export function createThrottle(monotonicNow: () => number = () => performance.now()): Throttle {
  const buckets = new Map<string, Bucket>()
  const waiting = new Set<Wake>()
  let allotted: ReadonlyMap<Digest, Lane> = new Map()

  function bucketOf(digest: Digest): Bucket | undefined {
    const lane = allotted.get(digest)
    return lane && buckets.get(lane.cache)
  }

  async function sleep(ms: number, signal: AbortSignal): Promise<void> {
    const wake = createWake()
    waiting.add(wake)
    await wake.sleep(ms, signal)
    waiting.delete(wake)
  }

  return {
    allot(lanes) {
      allotted = lanes
      const rates = new Map([...lanes.values()].map(({ cache, bytesPerSecond }) => [cache, bytesPerSecond]))
      for (const cache of buckets.keys()) if (!rates.has(cache)) buckets.delete(cache)
      for (const [cache, rate] of rates) {
        const bucket = buckets.get(cache)
        if (bucket) bucket.setRate(rate)
        else buckets.set(cache, createBucket(rate, monotonicNow))
      }
      for (const wake of waiting) wake.ring()
    },

    laneOf: (digest) => allotted.get(digest)?.cache,

    async passed(digest, bytes, signal) {
      const bucket = bucketOf(digest)
      if (!bucket) return
      const ticket = bucket.owe(bytes)
      // A blob that has come under another limit meanwhile, or under none, owes this one nothing any more.
      for (let ms: number; (ms = bucket.dueInMs(ticket)) > 0 && bucketOf(digest) === bucket && !signal.aborted;) {
        await sleep(ms, signal)
      }
    },
  }
}

interface Bucket {
  setRate(bytesPerSecond: number): void
  /** Notes bytes that came; they are paid for after all those before them. */
  owe(bytes: number): number
  dueInMs(ticket: number): number
}

/** Counts bytes that came and bytes that may have come. A rate that changes counts from then on. */
function createBucket(firstRate: number, monotonicNow: () => number): Bucket {
  let rate = firstRate
  let at = monotonicNow()
  let [owed, paid] = [0, 0]

  function settle(): void {
    const now = monotonicNow()
    paid = Math.min(owed + (rate * burstMs) / 1000, paid + ((now - at) / 1000) * rate)
    at = now
  }

  return {
    setRate(bytesPerSecond) {
      settle()
      rate = bytesPerSecond
    },
    owe(bytes) {
      settle()
      owed += bytes
      return owed
    },
    dueInMs(ticket) {
      settle()
      return Math.max(0, Math.ceil(((ticket - paid) / rate) * 1000))
    },
  }
}
