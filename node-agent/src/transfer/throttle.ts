import type { Digest } from '@stowage/mirror/oci/digest'
import type { Lane } from '../plan/passage.ts'
import { createWake, type Wake } from '../wake.ts'

/** Holds bytes to the limits that they are under, which may change while they come. */
export interface Throttle {
  /** Under which limit each blob is from now on; those that are not in it are under none. */
  allot(lanes: ReadonlyMap<Digest, Lane>): void
  /** Who shares a limit with a blob; undefined if it is under none. */
  laneOf(digest: Digest): string | undefined
  /**
   * Resolves, when they may come, with how many bytes of a blob may be asked for at once: Infinity if it is under no limit.
   * Also resolves when the signal fires.
   */
  grant(digest: Digest, signal: AbortSignal): Promise<number>
  /** Told of bytes that came without having been granted; resolves when the next may, or when the signal fires. */
  passed(digest: Digest, bytes: number, signal: AbortSignal): Promise<void>
}

/** What a limit lets through at once after a pause is what it lets through in so many milliseconds. */
const burstMs = 1000
/** So long takes what is asked for at once: of bytes that were not asked for none can be in any buffer on the way. */
const sliceMs = 1000
/** Every slice costs a request. */
const smallestSlice = 16 * 1024
const largestSlice = 4 * 1024 * 1024

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

  /** Resolves when it is paid for. A blob that has come under another limit owes this one nothing any more. */
  async function due(bucket: Bucket, { digest, ticket }: Debt, signal: AbortSignal): Promise<void> {
    for (let ms: number; (ms = bucket.dueInMs(ticket)) > 0 && bucketOf(digest) === bucket && !signal.aborted;) {
      await sleep(ms, signal)
    }
  }

  return {
    allot(lanes) {
      allotted = lanes
      const rates = new Map([...lanes.values()].map(({ cache, bytesPerSecond }) => [cache, bytesPerSecond]))
      for (const cache of buckets.keys()) if (!rates.has(cache)) buckets.delete(cache)
      for (const [cache, rate] of rates) {
        if (buckets.get(cache)?.rate !== rate) buckets.set(cache, createBucket(rate, monotonicNow))
      }
      for (const wake of waiting) wake.ring()
    },

    laneOf: (digest) => allotted.get(digest)?.cache,

    async grant(digest, signal) {
      for (;;) {
        const bucket = bucketOf(digest)
        if (!bucket || signal.aborted) return Infinity
        const bytes = sliceOf(bucket.rate)
        await due(bucket, { digest, ticket: bucket.owe(bytes) }, signal)
        // By another limit it would be another slice.
        if (bucketOf(digest) === bucket) return bytes
      }
    },

    async passed(digest, bytes, signal) {
      const bucket = bucketOf(digest)
      if (bucket) await due(bucket, { digest, ticket: bucket.owe(bytes) }, signal)
    },
  }
}

interface Debt {
  readonly digest: Digest
  readonly ticket: number
}

function sliceOf(rate: number): number {
  return Math.min(largestSlice, Math.max(smallestSlice, Math.round((rate * sliceMs) / 1000)))
}

interface Bucket {
  /** Bytes per second. */
  readonly rate: number
  /** Notes bytes that come; they are paid for after all those before them. */
  owe(bytes: number): number
  dueInMs(ticket: number): number
}

/** Counts bytes that came and bytes that may have come. */
function createBucket(rate: number, monotonicNow: () => number): Bucket {
  let at = monotonicNow()
  let [owed, paid] = [0, 0]

  function settle(): void {
    const now = monotonicNow()
    paid = Math.min(owed + (rate * burstMs) / 1000, paid + ((now - at) / 1000) * rate)
    at = now
  }

  return {
    rate,
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
