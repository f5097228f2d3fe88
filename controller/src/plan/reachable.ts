import type { NodeRecord } from '../memory/node-record.ts'

/** Since when nodes can reach the centre: silence from before that says nothing of them. */
export interface Listening {
  /** Epoch milliseconds. */
  readonly since: number
  /** What nodes are given beyond the time that they announced, in milliseconds: their way to a new centre has to be found. */
  readonly graceMs: number
}

/** Of a centre that was never away. */
export const neverAway: Listening = { since: -Infinity, graceMs: 0 }

/** What a node last said, and what that promises. */
export interface HeardNode extends NodeRecord {
  /** Overdue after this, epoch milliseconds. */
  readonly nextContactBy: number
}

/** A node that finds no centre tries again within this time, however seldom it reports otherwise, in milliseconds. */
const longestRetryMs = 10 * 60_000

/**
 * What the centre may conclude of silence. Whoever was overdue while it listened stays so until heard of again; whoever had a
 * promise to keep when the centre began to listen gets the announced time once more from then on.
 */
export function heardBy(record: NodeRecord, listening: Listening): HeardNode {
  const before = heardBefore.get(record)
  if (before?.listening === listening) return before.heard
  const heard = promiseOf(record, listening)
  heardBefore.set(record, { listening, heard })
  return heard
}

/** The same record is the same object then, too: what follows from it need not be found out again. */
const heardBefore = new WeakMap<NodeRecord, { readonly listening: Listening; readonly heard: HeardNode }>()

function promiseOf(record: NodeRecord, { since, graceMs }: Listening): HeardNode {
  const { nextContactInMs } = record.report
  const promised = record.receivedAt + nextContactInMs
  if (record.isOverdue || record.receivedAt >= since) return { ...record, nextContactBy: promised }
  const allowed = since + Math.min(nextContactInMs, longestRetryMs) + graceMs
  return { ...record, nextContactBy: Math.max(promised, allowed) }
}

/** Whether a node keeps its promise to be heard of; one that was never heard of does not. */
export function isReachable(heard: Pick<HeardNode, 'nextContactBy' | 'isOverdue'> | undefined, now: number): boolean {
  return heard !== undefined && !heard.isOverdue && now <= heard.nextContactBy
}
