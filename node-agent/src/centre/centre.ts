import type { Assignment } from '@stowage/mirror/edge/assignment'
import type { Report } from '@stowage/mirror/edge/report'

/**
 * The two things that a node and its centre say to each other. Each verb tries once; a report that seems to
 * have gone into a dead connection is sent once more, into another.
 * @throws Fault unavailable | denied | conflict (another agent has this node's name) | invalid (not understood, on either side)
 */
export interface Centre {
  /** Delivers a report. */
  report(report: Report, signal: AbortSignal): Promise<Receipt>
  /**
   * Waits for an assignment other than the known one.
   * `same` if there was none in that time, `none` if this node has none.
   */
  nextAssignment(ask: AssignmentQuestion, signal: AbortSignal): Promise<Assignment | 'same' | 'none'>
}

/** What the centre says to a report. */
export interface Receipt {
  /** The version of the assignment that the node should know by now; undefined if there is none. */
  readonly assignment: string | undefined
  /** The centre's time when it said so, in epoch milliseconds and to the second; undefined if the answer bears no date. */
  readonly date: number | undefined
}

export interface AssignmentQuestion {
  readonly node: string
  /** See `versionOf`. */
  readonly known: string | undefined
  /** How long the centre may hold its answer, in milliseconds. */
  readonly holdMs: number
}
