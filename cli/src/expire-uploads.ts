import { setTimeout as delay } from 'node:timers/promises'
import { isFault } from '@stowage/mirror/oci/fault'
import type { ContentStore } from '@stowage/mirror/store/content-store'
import type { Logger } from 'pino'

export interface ExpireUploadsOptions {
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Longer than any link is down at a time while somebody still means to go on, in milliseconds. */
const abandonedAfterMs = 30 * 24 * 3600_000
const lookEveryMs = 3600_000

/** Drops, until the signal, what clients began to push and what was begun to be fetched, and that nobody went on with for a month. */
export async function expireUploads(
  content: Pick<ContentStore, 'expireUploads'>,
  { log, signal }: ExpireUploadsOptions,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const count = await content.expireUploads(abandonedAfterMs, { signal })
      if (count > 0) log.info({ count }, 'abandoned uploads dropped')
    } catch (err) {
      if (signal.aborted) return
      if (!isFault(err)) throw err
      log.warn({ err }, 'abandoned uploads not dropped')
    }
    // Being stopped is how this ends.
    await delay(lookEveryMs, undefined, { signal }).catch(() => undefined)
  }
}
