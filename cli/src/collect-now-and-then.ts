import { setTimeout as delay } from 'node:timers/promises'
import { isFault } from '@stowage/mirror/oci/fault'
import type { GarbageCollector } from '@stowage/mirror/store/gc/garbage-collector'
import type { Logger } from 'pino'

export interface CollectNowAndThenOptions {
  /** From the end of a collection to the beginning of the next, in milliseconds; 0 for never. */
  readonly everyMs: number
  readonly log: Logger
  readonly signal: AbortSignal
  readonly random?: () => number
}

/** A process that is started often has its turn, too; in milliseconds. */
const longestFirstMs = 10 * 60_000

/** Collects garbage until the signal; what fails is tried again with the next turn. */
export async function collectNowAndThen(
  collector: Pick<GarbageCollector, 'collect'>,
  { everyMs, log, signal, random = Math.random }: CollectNowAndThenOptions,
): Promise<void> {
  if (everyMs === 0) return
  // Several that were started together do not all work at once.
  let pauseMs = Math.min(everyMs, longestFirstMs) * (0.5 + random() / 2)
  while (!signal.aborted) {
    // Being stopped is how this ends.
    await delay(pauseMs, undefined, { signal }).catch(() => undefined)
    if (!signal.aborted) await collectOnce(collector, { log, signal })
    pauseMs = everyMs
  }
}

async function collectOnce(
  collector: Pick<GarbageCollector, 'collect'>,
  { log, signal }: Pick<CollectNowAndThenOptions, 'log' | 'signal'>,
): Promise<void> {
  try {
    const { links, blobs, leftAlone } = await collector.collect({ signal })
    const facts = { linksDeleted: links.deleted, blobsDeleted: blobs.deleted, bytesDeleted: blobs.bytesDeleted }
    const isNews = links.deleted + links.condemned + blobs.deleted + blobs.condemned > 0
    const level = isNews ? 'info' : 'debug'
    log[level]({ ...facts, linksCondemned: links.condemned, bytesCondemned: blobs.bytesCondemned }, 'garbage collected')
    for (const { repository, reason } of leftAlone) log.warn({ repository, reason }, 'garbage not looked for')
  } catch (err) {
    if (signal.aborted) return
    if (!isFault(err)) throw err
    log.warn({ err }, 'garbage not collected')
  }
}
