import type { Assignment } from '@stowage/mirror/edge/assignment'
import type { KnownNode } from './known-node.ts'

/** Whether a node's latest report speaks of this assignment or a later one. */
export function hasAcknowledged(
  { heard }: Pick<KnownNode, 'heard'>,
  { epoch, sequence }: Pick<Assignment, 'epoch' | 'sequence'>,
): boolean {
  const acknowledged = heard?.report.acknowledged
  return acknowledged?.epoch === epoch && acknowledged.sequence >= sequence
}
