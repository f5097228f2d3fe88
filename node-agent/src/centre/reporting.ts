import type { Logger } from 'pino'
import type { Report } from '@stowage/mirror/edge/report'
import { isFault, type Fault } from '@stowage/mirror/oci/fault'
import { createWake } from '../wake.ts'
import type { Centre, Receipt } from './centre.ts'
import type { Link } from './link.ts'
import type { Pace } from './pace.ts'

/** What a report says of the node; the rest is about reporting itself. */
export type ReportBody = Omit<Report, 'counter' | 'nextContactInMs'>

export interface ReportingOptions {
  readonly centre: Centre
  readonly link: Link
  readonly pace: Pace
  /** What there is to say now, read from the disks; undefined while nothing is known yet. */
  readonly bodyOf: () => ReportBody | undefined
  readonly nextCounter: () => number
  readonly onReceipt: (receipt: Receipt) => void
  /** Bytes are moving. */
  readonly isBusy: () => boolean
  /** The longest silence, in milliseconds. */
  readonly contactEveryMs: number
  /** Between two reports while bytes move, in milliseconds. */
  readonly progressEveryMs: number
  readonly log: Logger
}

/** Tells the centre how the node stands, and finds out by that whether there is a link. */
export interface Reporting {
  readonly run: (signal: AbortSignal) => Promise<void>
  /** There may be news. */
  tell(): void
  /**
   * Resolves when a report made from now on was delivered, or when the last one has lost its worth: the node has not been
   * heard of in the time that it promised, so the centre takes it for offline.
   */
  delivered(signal: AbortSignal): Promise<void>
  /** Why the centre does not take the reports; undefined if it does. */
  trouble(): string | undefined
}

/** News may come many at a time. */
const newsGapMs = 200
/** Reports take no more than a twentieth of the time that a thin link has. */
const shareOfTime = 20

export function createReporting(options: ReportingOptions): Reporting {
  const { centre, link, pace, bodyOf, nextCounter, onReceipt, isBusy, contactEveryMs, progressEveryMs, log } = options
  const wake = createWake()
  let refusal: Fault | undefined
  let made = 0
  let waiting: { readonly since: number; readonly resolve: () => void }[] = []
  // An earlier process may have made the same promise an instant ago.
  let promisedUntil = performance.now() + 2 * contactEveryMs
  let last = { news: '', at: -Infinity, durationMs: 0 }
  link.onDown(() => {
    // Somebody else found no link: a report is the quickest way to see whether there is one.
    last = { ...last, at: -Infinity }
    wake.ring()
  })

  function dueInMs(body: ReportBody): number {
    if (pace.waitMs() > 0) return pace.waitMs()
    const progressMs = Math.max(progressEveryMs, shareOfTime * last.durationMs)
    const isNews = newsOf(body) !== last.news || waiting.length > 0
    const gapMs = isNews ? newsGapMs : isBusy() ? progressMs : contactEveryMs
    return last.at + Math.min(gapMs, contactEveryMs) - performance.now()
  }

  async function deliver(body: ReportBody, signal: AbortSignal): Promise<void> {
    const number = ++made
    const startedAt = performance.now()
    last = { ...last, at: startedAt }
    const nextContactInMs = Math.round(2 * contactEveryMs + last.durationMs)
    const receipt = await centre.report({ ...body, counter: nextCounter(), nextContactInMs }, signal)
    const deliveredAt = performance.now()
    promisedUntil = deliveredAt + nextContactInMs
    last = { news: newsOf(body), at: startedAt, durationMs: deliveredAt - startedAt }
    pace.succeeded()
    link.works()
    onReceipt(receipt)
    if (refusal) log.info('reports are taken again')
    refusal = undefined
    for (const { resolve } of waiting.filter(({ since }) => since < number)) resolve()
    waiting = waiting.filter(({ since }) => since >= number)
  }

  function failed(error: unknown): void {
    if (!isFault(error)) throw error
    pace.failed(error)
    if (error.code === 'unavailable') return link.fails(error)
    link.works()
    if (refusal?.message !== error.message) log.error({ err: error }, 'report refused')
    refusal = error
  }

  async function turn(signal: AbortSignal): Promise<void> {
    const body = bodyOf()
    const waitMs = body ? dueInMs(body) : contactEveryMs
    if (!body || waitMs > 0) return wake.sleep(waitMs, signal)
    try {
      await deliver(body, signal)
    } catch (error) {
      if (!signal.aborted) failed(error)
    }
  }

  return {
    async run(signal) {
      while (!signal.aborted) await turn(signal)
    },

    tell: () => wake.ring(),

    async delivered(signal) {
      const heard = createWake()
      const waiter = { since: made, resolve: heard.ring }
      waiting.push(waiter)
      wake.ring()
      await heard.sleep(Math.max(0, promisedUntil - performance.now()), signal)
      waiting = waiting.filter((other) => other !== waiter)
    },

    trouble: () => refusal?.message,
  }
}

/** All that is worth telling at once: everything but bytes and times. */
function newsOf({ acknowledged, images, trouble, runtime }: ReportBody): string {
  const states = images.map(({ name, digest, state, fault, window }) => {
    return [name, digest, state, fault?.code, fault?.message, window !== undefined]
  })
  return JSON.stringify([acknowledged, states, trouble, runtime])
}
