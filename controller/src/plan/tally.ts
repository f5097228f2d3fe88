import type { CopyState } from './copy-standing.ts'
import { isFailed } from './failures-of.ts'
import type { ImageRow } from './image-row.ts'
import type { KnownNode } from './known-node.ts'
import { isReachable } from './reachable.ts'

/** What all copies of one cache on one node come to: as much as a status needs, and little to remember. */
export interface Tally {
  readonly node: KnownNode
  /** How many copies there are to be. */
  readonly wanted: number
  readonly inState: Readonly<Partial<Record<CopyState, number>>>
  readonly bytesWanted: number
  readonly bytesHere: number
  /** Copies of unknown size. */
  readonly unknown: number
  /** When the first window opens that one of them waits for, epoch milliseconds; Infinity if none does, or nobody knows. */
  readonly opensAt: number
  /** Those that failed, whether or not the node can still be heard of. */
  readonly failed: readonly ImageRow[]
}

/** Counts the copies of one cache on one node. */
export function tallyOf(node: KnownNode, rows: readonly ImageRow[]): Tally {
  const inState: Partial<Record<CopyState, number>> = {}
  const failed: ImageRow[] = []
  let [bytesWanted, bytesHere, unknown, opensAt] = [0, 0, 0, Infinity]
  for (const row of rows) {
    inState[row.state] = (inState[row.state] ?? 0) + 1
    bytesWanted += row.bytesTotal ?? 0
    bytesHere += row.bytesHere
    if (row.bytesTotal === null) unknown += 1
    if (row.state === 'failed') failed.push(row)
    opensAt = Math.min(opensAt, row.opensAt ?? Infinity)
  }
  return { node, wanted: rows.length, inState, bytesWanted, bytesHere, unknown, opensAt, failed }
}

/** How many copies are not in place. */
export function missingIn({ wanted, inState }: Tally): number {
  return wanted - (inState.present ?? 0)
}

/** The copies of a node that count as failed now. */
export function failedNow({ node, failed }: Tally, now: number): readonly ImageRow[] {
  if (failed.length === 0) return failed
  const isOnline = isReachable(node.heard, now)
  return failed.map((row) => (row.isReachable === isOnline ? row : { ...row, isReachable: isOnline })).filter(isFailed)
}
