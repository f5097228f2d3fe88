import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { isFault } from '../../oci/fault.ts'
import type { ObjectStore } from '../object-store.ts'
import type { RecordVersion } from '../records.ts'
import type { ByteRate } from './byte-rate.ts'
import type { Integrity } from './integrity.ts'
import { ended, planScrub } from './plan-scrub.ts'
import { scrubBlobs, type ScrubPlace, type ScrubTrouble } from './scrub-blobs.ts'
import { scrubStates, stateName, type ScrubPass, type ScrubState } from './scrub-state.ts'

export interface ScrubInBackgroundOptions {
  readonly objects: ObjectStore
  readonly integrity: Integrity
  readonly rate: ByteRate
  /** From the beginning of a pass to that of the next one, in milliseconds. */
  readonly everyMs: number
  /** Tells this process from others that share the store. */
  readonly owner: string
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly onBytes: (bytes: number) => void
  readonly onEnded: (last: NonNullable<ScrubState['last']>) => void
  readonly log: Logger
  readonly signal: AbortSignal
  readonly delay?: typeof patiently
}

/** How far it is, is written down so often, in milliseconds: so much is done twice after a restart. */
const noteEveryMs = 15_000
/** A process that wrote nothing for so long has ended, in milliseconds. */
const leaseMs = 10 * 60_000
const longestWaitMs = 3600_000
/** However often a pass is asked for, and however little there is to read. */
const restMs = 60_000
const afterFaultMs = 60_000

/** Re-hashes everything again and again until the signal, each pass from where it was left, by whichever process. */
export async function scrubInBackground(options: ScrubInBackgroundOptions): Promise<void> {
  const { objects, log, signal, owner, everyMs, now, delay = patiently } = options
  const states = scrubStates(objects)
  while (!signal.aborted) {
    let waitMs = 0
    try {
      const found = await lookedAt()
      const plan = planScrub(found?.value, { owner, everyMs, leaseMs, now: now() })
      if (plan.kind === 'work') await work(plan.pass, found)
      waitMs = plan.kind === 'work' ? restMs : Math.min(plan.ms, longestWaitMs)
    } catch (err) {
      if (signal.aborted) return
      if (!isFault(err)) throw err
      log.warn({ err, retryInMs: afterFaultMs }, 'scrub interrupted')
      waitMs = afterFaultMs
    }
    if (waitMs > 0) await delay(waitMs, { signal })
  }

  /** How far a scrub was is nothing that must not be lost. */
  async function lookedAt(): Promise<RecordVersion<ScrubState> | undefined> {
    try {
      return await states.look(stateName)
    } catch (err) {
      if (!isFault(err, 'invalid')) throw err
      log.warn({ err }, 'scrub begins anew')
      await states.delete(stateName)
      return undefined
    }
  }

  /** @param found what the pass was planned from: if there is another state by then, another process was faster */
  async function work(planned: ScrubPass, found: RecordVersion<ScrubState> | undefined): Promise<void> {
    let pass = planned
    let notedAt = now()
    let noted = found?.etag
    const taken = new AbortController()
    const stateNow = (): ScrubState => ({ version: 1, pass, last: found?.value.last ?? null })

    async function note(state: ScrubState): Promise<void> {
      const stored = await states.replace(stateName, noted, state)
      if (stored === undefined) taken.abort()
      noted = stored
      notedAt = now()
    }

    async function onBytes(bytes: number): Promise<void> {
      options.onBytes(bytes)
      if (Math.abs(now() - notedAt) < noteEveryMs) return
      pass = { ...pass, until: now() + leaseMs }
      await note(stateNow())
    }

    function onBlob({ after, tally }: ScrubPlace): void {
      pass = { ...pass, after, tally }
    }

    await note(stateNow())
    if (taken.signal.aborted) return
    log.info({ after: pass.after, bytes: pass.tally.bytes }, pass.after === '' ? 'scrub begun' : 'scrub went on')
    try {
      const either = AbortSignal.any([signal, taken.signal])
      const tally = await scrubBlobs({ ...options, signal: either, from: pass, onBytes, onBlob, onTrouble })
      const state = ended({ ...pass, tally }, now())
      await note(state)
      log.info({ ...tally, begunAt: pass.begunAt }, 'scrub ended')
      options.onEnded(state.last!)
    } catch (error) {
      if (taken.signal.aborted && !signal.aborted) return
      // What was done until now need not be done again.
      pass = { ...pass, until: 0 }
      await note(stateNow())
      throw error
    }
  }

  function onTrouble({ digest, kind, reason }: ScrubTrouble): void {
    if (kind === 'unreadable') log.error({ digest, reason }, 'blob cannot be read')
  }
}

/** Being stopped is how it ends. */
async function patiently(ms: number, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
