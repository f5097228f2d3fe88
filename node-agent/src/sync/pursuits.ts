import type { Logger } from 'pino'
import { isFault, type Fault } from '@stowage/mirror/oci/fault'
import { backOff, dueInMs } from '../plan/back-off.ts'
import type { Attempt, Attempts } from '../state/attempts.ts'
import { createTasks } from './tasks.ts'

/** Work on things that may fail and is tried again, each when its time has come. */
export interface Pursuits {
  isRunning(subject: string): boolean
  /** The last failure, until it succeeds. */
  attemptOf(subject: string): Attempt | undefined
  /** Milliseconds until the next try may begin. */
  waitMs(subject: string): number
  /** What kept it from succeeding is over: the next try may begin at once. */
  hurry(subject: string): void
  /** Sets work going, unless it is under way already or its time has not come. */
  pursue(subject: string, pursuit: Pursuit): void
  /** Ends these, as if they had not begun. */
  end(subjects: ReadonlySet<string>): void
  /** Ends all others. */
  retain(subjects: ReadonlySet<string>): void
  /** Ends all, and resolves when they have. */
  stop(): Promise<void>
}

export interface Pursuit {
  readonly work: (signal: AbortSignal) => Promise<void>
  /** How far it has come, in any unit: whoever got somewhere is patient no longer than the first time. */
  readonly progress?: () => number
}

export interface PursuitsOptions {
  readonly attempts: Attempts
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly random: () => number
  readonly log: Logger
  /** Told when one has ended, well or not. */
  readonly onEnd: () => void
  /** Told of what is no fault but a mistake of ours. */
  readonly onBug: (error: unknown) => void
}

export function createPursuits({ attempts, now, random, log, onEnd, onBug }: PursuitsOptions): Pursuits {
  const tasks = createTasks((failure) => {
    if (failure !== undefined) onBug(failure)
    onEnd()
  })

  function note(subject: string, fault: Fault, gotSomewhere: boolean): void {
    const previous = attempts.get(subject)
    const attempt = backOff(subject, fault, { previous: gotSomewhere ? undefined : previous, now: now(), random })
    remember(attempt)
    const facts = { subject, err: fault, attempt: attempt.tries, retryInMs: Math.round(attempt.delayMs) }
    if (previous?.code === fault.code) log.debug(facts, 'try failed again')
    else if (fault.code === 'unavailable') log.info(facts, 'try failed')
    else log.warn(facts, 'try failed')
  }

  function remember(attempt: Attempt): void {
    try {
      attempts.store(attempt)
    } catch (error) {
      if (!isFault(error)) throw error
      log.warn({ subject: attempt.subject, err: error }, 'failure not noted on the disk')
    }
  }

  const waitMs = (subject: string): number => {
    const attempt = attempts.get(subject)
    return attempt ? dueInMs(attempt, now()) : 0
  }

  return {
    waitMs,
    isRunning: (subject) => tasks.has(subject),
    attemptOf: (subject) => attempts.get(subject),
    hurry: (subject) => attempts.drop(subject),

    pursue(subject, { work, progress = () => 0 }) {
      if (tasks.has(subject) || waitMs(subject) > 0) return
      const before = progress()
      tasks.start(subject, async (signal) => {
        try {
          await work(signal)
          attempts.drop(subject)
        } catch (error) {
          if (signal.aborted || !isFault(error)) throw error
          note(subject, error, progress() > before)
        }
      })
    },

    end: (subjects) => tasks.end(subjects),
    retain: (subjects) => tasks.retain(subjects),
    stop: () => tasks.stop(),
  }
}
