import { isFault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'
import { createBell, type Bell } from './bell.ts'
import { isOtherWriter } from './memory/remembered.ts'
import { restAfter } from './rest-after.ts'

/** What came of one look at everything. */
export interface Step {
  /** When to look again without news, epoch milliseconds. */
  readonly nextAt: number
  /** How long looking and deciding took; what was written meanwhile is not in it. In milliseconds. */
  readonly lookedMs: number
}

export interface ReconcileOptions {
  /** Looks at everything, decides and acts once. */
  readonly step: () => Promise<Step>
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
    const begunAt = performance.now()
    const { nextAt, lookedMs } = await stepOrRest()
    const wroteMs = performance.now() - begunAt - lookedMs
    await bell.wait({ timeoutMs: Math.min(nextAt - now(), longestPauseMs), signal })
    await createBell().wait({ timeoutMs: restAfter({ lookedMs, wroteMs, leastMs: leastRestMs }), signal })
  }

  async function stepOrRest(): Promise<Step> {
    try {
      const done = await step()
      note(undefined)
      return done
    } catch (err) {
      // Who works on a memory that another process writes does harm with every step.
      if (!isFault(err) || isOtherWriter(err)) throw err
      log[err.message === trouble ? 'debug' : 'error']({ err, retryInMs: afterFaultMs }, 'reconciling failed')
      note(err.message)
      return { nextAt: now() + afterFaultMs, lookedMs: 0 }
    }
  }

  function note(message: string | undefined): void {
    if (message === trouble) return
    trouble = message
    onTrouble(message)
    if (message === undefined) log.info('reconciling goes on')
  }
}
