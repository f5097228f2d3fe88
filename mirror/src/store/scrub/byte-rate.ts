import { setTimeout as sleep } from 'node:timers/promises'
import type { FetchOptions } from '../../content.ts'

export interface ByteRateOptions {
  /** undefined: as fast as it goes. */
  readonly bytesPerSecond: number | undefined
  /** Milliseconds on a clock that never goes back. */
  readonly now?: (() => number) | undefined
  readonly delay?: ((ms: number, options: FetchOptions) => Promise<unknown>) | undefined
}

/** Is waited for after so many bytes. @throws the reason of the signal */
export type ByteRate = (bytes: number, options?: FetchOptions) => Promise<void>

/** So much may be ahead of time before it is waited for, and so much may be made up, in milliseconds. */
const slackMs = 50

/** Holds work to a number of bytes a second; what was not used for a while is not made up. */
export function createByteRate(options: ByteRateOptions): ByteRate {
  const { bytesPerSecond, now = () => performance.now(), delay = patiently } = options
  let dueAt = -Infinity
  return async (bytes, { signal } = {}) => {
    signal?.throwIfAborted()
    if (bytesPerSecond === undefined) return
    dueAt = Math.max(dueAt, now() - slackMs) + (bytes * 1000) / bytesPerSecond
    const aheadMs = dueAt - now()
    if (aheadMs > slackMs) await delay(aheadMs, { signal })
  }
}

async function patiently(ms: number, { signal }: FetchOptions): Promise<void> {
  // Its own error would hide why it ended.
  await sleep(ms, undefined, { signal }).catch(() => signal?.throwIfAborted())
}
