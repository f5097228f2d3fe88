import { setTimeout as delay } from 'node:timers/promises'
import { isFault } from '@stowage/mirror/oci/fault'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { Logger } from 'pino'

export interface SweepLeftoversOptions {
  readonly log: Logger
  readonly signal: AbortSignal
  /** How long it waits at first, in milliseconds. */
  readonly firstAfterMs?: number
}

/** Nothing that is written now takes so long to be named, in milliseconds. */
const unusedMs = 24 * 3600_000
const usualFirstAfterMs = 10 * 60_000
const lookEveryMs = 24 * 3600_000

/** Deletes, once a day until the signal, what killed processes left in a store; ends at once if nothing can be left in it. */
export async function sweepLeftovers(
  objects: Pick<ObjectStore, 'sweep'>,
  { log, signal, firstAfterMs = usualFirstAfterMs }: SweepLeftoversOptions,
): Promise<void> {
  if (!objects.sweep) return
  for (let wait = firstAfterMs; !signal.aborted; wait = lookEveryMs) {
    // Being stopped is how this ends.
    await delay(wait, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    try {
      const swept = await objects.sweep({ unusedMs, now: Date.now, signal })
      if (swept.objects > 0) log.info(swept, 'leftovers of killed processes deleted')
    } catch (err) {
      if (signal.aborted) return
      if (!isFault(err)) throw err
      log.warn({ err }, 'leftovers of killed processes not deleted')
    }
  }
}
