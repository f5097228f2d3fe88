import { Refusal } from '../refusal.ts'

/** How often each client may come. */
export interface RateLimit {
  /** Lets a client in. @throws Refusal TOOMANYREQUESTS, with when to come again */
  take(client: string): void
  /** As if the client had not been let in once. */
  giveBack(client: string): void
}

export interface RateLimitOptions {
  readonly perSecond: number
  /** How many may come at once after a silence. */
  readonly burst: number
  /** Milliseconds, from any beginning, never going back. */
  readonly monotonicNow?: () => number
}

interface Bucket {
  left: number
  at: number
}

/** So many clients are remembered; who was not heard of longest is forgotten, and begins anew. */
const mostClients = 10_000

/** A bucket of tokens for each client. */
export function createRateLimit({
  perSecond,
  burst,
  monotonicNow = () => performance.now(),
}: RateLimitOptions): RateLimit {
  const buckets = new Map<string, Bucket>()

  function look(client: string): Bucket {
    const now = monotonicNow()
    const { left, at } = buckets.get(client) ?? { left: burst, at: now }
    return { left: Math.min(burst, left + ((now - at) / 1000) * perSecond), at: now }
  }

  function remember(client: string, bucket: Bucket): void {
    buckets.delete(client)
    buckets.set(client, bucket)
    const [oldest] = buckets.keys()
    if (oldest !== undefined && buckets.size > mostClients) buckets.delete(oldest)
  }

  return {
    take(client) {
      const bucket = look(client)
      if (bucket.left < 1) {
        const retryAfterMs = ((1 - bucket.left) / perSecond) * 1000
        throw new Refusal('TOOMANYREQUESTS', 'too many requests from this address; come again later', { retryAfterMs })
      }
      bucket.left -= 1
      remember(client, bucket)
    },
    giveBack(client) {
      const { left, at } = look(client)
      remember(client, { left: Math.min(burst, left + 1), at })
    },
  }
}
