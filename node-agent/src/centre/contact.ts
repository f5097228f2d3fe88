import type { Logger } from 'pino'
import type { Assignment } from '@stowage/mirror/edge/assignment'
import { runAll } from '../run-all.ts'
import type { Centre, Receipt } from './centre.ts'
import { createLink } from './link.ts'
import { createListening } from './listening.ts'
import { createPace } from './pace.ts'
import { createReporting, type ReportBody } from './reporting.ts'

/** Keeps the centre informed and hears what it wants, for as long as there is a link, and again as soon as there is one. */
export interface Contact {
  run(signal: AbortSignal): Promise<void>
  /** There may be news. */
  tell(): void
  /** See `Reporting.delivered`. */
  delivered(signal: AbortSignal): Promise<void>
  /** What keeps centre and node from understanding each other; undefined if nothing. */
  trouble(): string | undefined
}

export interface ContactOptions {
  readonly centre: Centre
  readonly node: string
  /** What there is to say now, read from the disks; undefined while nothing is known yet. */
  readonly bodyOf: () => ReportBody | undefined
  readonly nextCounter: () => number
  readonly onReceipt: (receipt: Receipt) => void
  /** Bytes are moving. */
  readonly isBusy: () => boolean
  /** The last assignment that is obeyed. */
  readonly latest: () => Assignment | undefined
  /** @throws Fault invalid */
  readonly obey: (assignment: Assignment) => Promise<void>
  readonly onLinkBack: () => void
  /** The longest silence, in milliseconds. */
  readonly contactEveryMs: number
  /** Between two reports while bytes move, in milliseconds. */
  readonly progressEveryMs: number
  readonly random: () => number
  readonly log: Logger
}

export function createContact(options: ContactOptions): Contact {
  const { contactEveryMs, random, log, onLinkBack } = options
  const link = createLink(log)
  const newPace = () => createPace({ capMs: contactEveryMs, random, monotonicNow: () => performance.now() })
  const reporting = createReporting({ ...options, link, pace: newPace() })
  const listening = createListening({ ...options, link, pace: newPace() })
  link.onUp(onLinkBack)

  return {
    run: (signal) => runAll([reporting.run, listening.run], signal),
    tell: () => reporting.tell(),
    delivered: (signal) => reporting.delivered(signal),
    trouble: () => reporting.trouble() ?? listening.trouble(),
  }
}
