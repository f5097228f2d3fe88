import { versionOf, type Assignment, type AssignmentEntry } from '@stowage/mirror/edge/assignment'
import { parseReport, type ImageReport, type Report } from '@stowage/mirror/edge/report'
import type { Transfer } from '@stowage/mirror/edge/transfer'
import { buildSet, type DesiredImage } from '@stowage/mirror/edge/set'
import { Fault } from '@stowage/mirror/oci/fault'
import type { Centre } from '../centre/centre.ts'
import { unlessAborted } from '../unless-aborted.ts'
import { createWake } from '../wake.ts'
import type { MemorySource } from './memory-source.ts'

/** One list of one cache, as a test writes it. */
export interface TestList {
  readonly cache: string
  /** Null: the node is not selected any more. */
  readonly images: readonly DesiredImage[] | null
  readonly unresolved?: readonly string[]
  readonly removal?: 'keep' | 'remove'
  readonly transfer?: Transfer
  readonly pin?: boolean
}

/** A centre in memory with one node, whose link is up or away as a test wants it. */
export interface MemoryCentre extends Centre {
  /** Every verb fails with this while it is set. */
  away: Fault | undefined
  readonly reports: Report[]
  /** How many reports found the link away. */
  refused: number
  /** Called with each report, before it is answered. */
  onReport: (report: Report) => void | Promise<void>
  /** What it says to be its time, epoch milliseconds; undefined if it says none. */
  date: () => number | undefined
  /** Publishes another assignment, and its sets. */
  assign(...lists: readonly TestList[]): Assignment
  /** Sends whatever a test wants to be sent. */
  send(assignment: Assignment): void
  /** What the latest report says of a name. */
  stateOf(name: string): ImageReport['state'] | undefined
}

export function createMemoryCentre(source: MemorySource, node = 'edge-1'): MemoryCentre {
  const wake = createWake()
  let assignment: Assignment | undefined
  let sequence = 0

  function entryOf(
    { cache, images, unresolved = [], removal = 'keep', ...terms }: TestList,
    list: number,
  ): AssignmentEntry {
    const set = images && buildSet({ images, unresolved })
    if (set) source.manifests.set(set.digest, set.raw)
    return { cache: { namespace: 'n', name: cache, uid: cache }, list, set: set?.digest ?? null, removal, ...terms }
  }

  const centre: MemoryCentre = {
    away: undefined,
    reports: [],
    refused: 0,
    onReport: () => {},
    date: () => undefined,

    async report(report) {
      if (centre.away) {
        centre.refused += 1
        throw centre.away
      }
      await centre.onReport(parseReport(JSON.parse(JSON.stringify(report))))
      centre.reports.push(report)
      return { assignment: assignment && versionOf(assignment), date: centre.date() }
    },

    async nextAssignment({ known }, signal) {
      for (;;) {
        signal.throwIfAborted()
        if (centre.away) throw centre.away
        if (assignment && versionOf(assignment) !== known) return assignment
        await unlessAborted(wake.sleep(20, signal), signal)
      }
    },

    assign(...lists) {
      const next = { version: 1 as const, node, epoch: 'one', sequence: ++sequence, entries: lists.map(entryOf) }
      centre.send(next)
      return next
    },

    send(next) {
      assignment = next
      wake.ring()
    },

    stateOf: (name) => centre.reports.at(-1)?.images.find((image) => image.name === name)?.state,
  }
  return centre
}

/** The link is away. */
export function linkAway(): Fault {
  return new Fault('unavailable', 'the link is away')
}
