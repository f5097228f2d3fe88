import { setTimeout as wait } from 'node:timers/promises'
import { isFault, type Fault } from '../oci/fault.ts'
import { defaultPace, noTries, planRetry, type RetryPace, type Tries } from './plan-retry.ts'

export interface RetryOptions {
  readonly pace?: RetryPace | undefined
  /** From 0 to 1. */
  readonly random?: (() => number) | undefined
  /** Waits, and ends with the reason of the signal if it comes first. */
  readonly pause?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined
  /** Is told what failed, and how long the pause before the next try is, in milliseconds. */
  readonly onRetry?: ((fault: Fault, delayMs: number) => void) | undefined
}

/** One try; it calls `progress` when it has achieved something that the next one need not do again. */
export type Try<T> = (progress: () => void) => Promise<T>

/** Tries until it works, or until `planRetry` gives up: then the last fault goes on to the caller. */
export async function retry<T>(
  once: Try<T>,
  options: RetryOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<T> {
  const { pace = defaultPace, random = Math.random, pause = pauseFor, onRetry, signal } = options
  let tries: Tries | undefined = noTries
  for (;;) {
    let progressed = false
    try {
      return await once(() => void (progressed = true))
    } catch (error) {
      signal?.throwIfAborted()
      tries = isFault(error) ? planRetry(error, tries, { pace, random: random(), progressed }) : undefined
      if (!tries) throw error
      onRetry?.(error as Fault, tries.delayMs)
    }
    await pause(tries.delayMs, signal)
  }
}

async function pauseFor(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, signal ? { signal } : {})
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
