import type { Logger } from 'pino'
import { versionOf, type Assignment } from '@stowage/mirror/edge/assignment'
import { longestHoldMs } from '@stowage/mirror/edge/paths'
import { isFault, type Fault } from '@stowage/mirror/oci/fault'
import { createWake } from '../wake.ts'
import type { Centre } from './centre.ts'
import type { Link } from './link.ts'
import type { Pace } from './pace.ts'

export interface ListeningOptions {
  readonly centre: Centre
  readonly node: string
  readonly link: Link
  readonly pace: Pace
  /** The last assignment that is obeyed. */
  readonly latest: () => Assignment | undefined
  /** @throws Fault invalid */
  readonly obey: (assignment: Assignment) => Promise<void>
  readonly log: Logger
}

/** Hears what the centre wants of this node. */
export interface Listening {
  readonly run: (signal: AbortSignal) => Promise<void>
  /** What came and could not be obeyed; undefined if all is well. */
  trouble(): string | undefined
}

/** An answer that took less of the time that the centre had was not waited for. */
const soonMs = 1000

/** Asks by long poll while the link is up; whether it is up is found out by whoever reports. */
export function createListening({ centre, node, link, pace, latest, obey, log }: ListeningOptions): Listening {
  const wake = createWake()
  let poll = new AbortController()
  let refusal: Fault | undefined
  link.onUp(() => wake.ring())
  link.onDown(() => poll.abort(new Error('the link is down')))

  async function ask(signal: AbortSignal): Promise<void> {
    poll = new AbortController()
    const known = latest()
    const version = known && versionOf(known)
    const askedAt = performance.now()
    const question = { node, known: version, holdMs: longestHoldMs }
    const answer = await centre.nextAssignment(question, AbortSignal.any([signal, poll.signal]))
    const isNews = typeof answer === 'object' && versionOf(answer) !== version
    if (isNews) await obey(answer)
    // An assignment older than the last one is no news, however often it comes.
    const isObeyed = isNews && versionOf(latest() ?? answer) === versionOf(answer)
    if (refusal) log.info('assignments can be obeyed again')
    refusal = undefined
    if (isObeyed || performance.now() - askedAt >= soonMs) pace.succeeded()
    else pace.idled()
  }

  async function turn(signal: AbortSignal): Promise<void> {
    try {
      await ask(signal)
    } catch (error) {
      if (!signal.aborted && !poll.signal.aborted) failed(error)
    }
  }

  function failed(error: unknown): void {
    if (!isFault(error)) throw error
    pace.failed(error)
    if (error.code === 'unavailable') return link.fails(error)
    if (refusal?.message !== error.message) log.error({ err: error }, 'assignment not obeyed')
    refusal = error
  }

  return {
    async run(signal) {
      while (!signal.aborted) {
        const waitMs = link.isUp ? pace.waitMs() : Infinity
        if (waitMs > 0) await wake.sleep(waitMs, signal)
        else await turn(signal)
      }
    },
    trouble: () => refusal?.message,
  }
}
