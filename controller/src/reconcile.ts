import { isFault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'
import { createBell, type Bell } from './bell.ts'
import { isOtherWriter } from './memory/remembered.ts'
import { restAfter } from './rest-after.ts'

export interface ReconcileOptions {
  /** Looks at everything, decides and acts once; says when to look again, in epoch milliseconds. */
  readonly step: () => Promise<number>
  /** Rings when there is news. */
  readonly bell: Bell
  readonly now: () => number
  /** Told why nothing can be done, and undefined when that is over. */
  readonly onTrouble: (message: string | undefined) => void
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Bursts of news are one look. */
const leastRestMs = 20
/** After a step that failed, with a full disk for instance. */
const afterFaultMs = 5000
/** The longest time without a look, whatever nobody thought of. */
const longestPauseMs = 60_000

/**
 * The one loop of the centre: a step at a time, after news or when something is due. Level-based: a lost ring costs a minute.
 * @throws Fault conflict if another process writes the same memory
 */
export async function reconcile({ step, bell, now, onTrouble, log, signal }: ReconcileOptions): Promise<void> {
  let trouble: string | undefined
  while (!signal.aborted) {
    const before = performance.eventLoopUtilization()
    const nextAt = await stepOrRest()
    const restMs = restAfter(performance.eventLoopUtilization(before).active, leastRestMs)
    await bell.wait({ timeoutMs: Math.min(nextAt - now(), longestPauseMs), signal })
    await createBell().wait({ timeoutMs: restMs, signal })
  }

  async function stepOrRest(): Promise<number> {
    try {
      const nextAt = await step()
      note(undefined)
      return nextAt
    } catch (err) {
      // Who works on a memory that another process writes does harm with every step.
      if (!isFault(err) || isOtherWriter(err)) throw err
      log[err.message === trouble ? 'debug' : 'error']({ err, retryInMs: afterFaultMs }, 'reconciling failed')
      note(err.message)
      return now() + afterFaultMs
    }
  }

  function note(message: string | undefined): void {
    if (message === trouble) return
    trouble = message
    onTrouble(message)
    if (message === undefined) log.info('reconciling goes on')
  }
}
