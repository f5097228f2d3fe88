import type { FetchOptions } from '../content.ts'

/** Mutual exclusion by name within one process, first come first served. */
export interface Locks {
  /** Waits for its turn, or until `signal` is aborted; disposing lets the next one in. */
  acquire(name: string, options?: FetchOptions): Promise<Disposable>
  /** Resolves when those who hold the name or wait for it now are through; undefined if nobody does. */
  settled(name: string): Promise<void> | undefined
}

export function createLocks(): Locks {
  const tails = new Map<string, Promise<void>>()

  return {
    async acquire(name, { signal } = {}) {
      signal?.throwIfAborted()
      const before = tails.get(name)
      const { promise: released, resolve: release } = Promise.withResolvers<void>()
      const tail = (before ?? Promise.resolve()).then(() => released)
      tails.set(name, tail)
      void tail.then(() => tails.get(name) === tail && tails.delete(name))
      try {
        if (before) await unlessAborted(before, signal)
      } catch (error) {
        release()
        throw error
      }
      return { [Symbol.dispose]: release }
    },

    settled: (name) => tails.get(name),
  }
}

async function unlessAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return await promise
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
