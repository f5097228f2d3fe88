import { setTimeout as delay } from 'node:timers/promises'

export interface EventuallyOptions {
  /** What is waited for, as the message says it: "<what> did not come true within …". */
  readonly what?: string
  readonly withinMs?: number
  /** From the end of one look to the start of the next. */
  readonly everyMs?: number
  readonly signal?: AbortSignal
}

type Truthy<T> = Exclude<T, false | null | undefined | 0 | ''>

/**
 * Looks again and again until it gets something truthy, and returns that. A look that throws counts as "not yet"; the
 * last such error is the cause of the failure. The first look is at once, the last one when the time is over.
 * @throws Error after `withinMs` (default 10 s), also if a look hangs; the reason of `signal`
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  { what = 'the condition', withinMs = 10_000, everyMs = 50, signal }: EventuallyOptions = {},
): Promise<Truthy<T>> {
  const deadline = performance.now() + withinMs
  const over = new AbortController()
  const late = delay(withinMs + everyMs, 'late' as const, { signal: over.signal }).catch(() => 'late' as const)
  let cause: unknown
  try {
    for (;;) {
      signal?.throwIfAborted()
      const isLastLook = performance.now() >= deadline
      try {
        const found = await Promise.race([Promise.resolve().then(look), late])
        if (found === 'late') break
        if (found) return found as Truthy<T>
        cause = undefined
      } catch (error) {
        cause = error
      }
      if (isLastLook) break
      await pause(everyMs, signal)
    }
  } finally {
    over.abort()
  }
  throw new Error(`${what} did not come true within ${withinMs} ms`, cause === undefined ? {} : { cause })
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(ms, undefined, signal ? { signal } : {})
  } catch (error) {
    signal?.throwIfAborted() // Its own reason says more than that a pause was aborted.
    throw error
  }
}
