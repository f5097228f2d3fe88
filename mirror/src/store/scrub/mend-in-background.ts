import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Digest } from '../../oci/digest.ts'
import { isFault } from '../../oci/fault.ts'
import type { Mender } from './mender.ts'

export interface MendInBackgroundOptions {
  readonly mender: Mender
  /** Resolves when something more was found damaged. */
  readonly nextDamage: () => Promise<void>
  /** Is told how much is missed after each turn. */
  readonly onMissed: (count: number) => void
  readonly log: Logger
  readonly signal: AbortSignal
}

/** What could not be brought back is tried again so often, in milliseconds: upstreams go away and come back. */
const againEveryMs = 5 * 60_000

/** Brings back what was found damaged, now or by an earlier process, until the signal. */
export async function mendInBackground(options: MendInBackgroundOptions): Promise<void> {
  const { mender, nextDamage, onMissed, log, signal } = options
  while (!signal.aborted) {
    const more = nextDamage()
    try {
      let missed = 0
      for await (const digest of mender.missed()) if (!(await mendOne(digest, options))) missed++
      onMissed(missed)
    } catch (err) {
      if (signal.aborted) return
      if (!isFault(err)) throw err
      log.warn({ err }, 'damaged blobs not looked for')
    }
    await Promise.race([more, sleep(againEveryMs, undefined, { signal }).catch(() => undefined)])
  }
}

async function mendOne(digest: Digest, { mender, log, signal }: MendInBackgroundOptions): Promise<boolean> {
  try {
    return (await mender.mend(digest, { signal })) !== 'missed'
  } catch (err) {
    if (signal.aborted || !isFault(err)) throw err
    log.warn({ err, digest, retryInMs: againEveryMs }, 'damaged blob not mended')
    return false
  }
}
