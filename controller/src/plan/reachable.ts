import type { NodeRecord } from '../memory/node-record.ts'

type Heard = Pick<NodeRecord, 'receivedAt'> & { readonly report: Pick<NodeRecord['report'], 'nextContactInMs'> }

/** When a node is to be heard of again at the latest, in epoch milliseconds. */
export function nextContactBy({ receivedAt, report }: Heard): number {
  return receivedAt + report.nextContactInMs
}

/** Whether a node keeps its promise to be heard of; one that was never heard of does not. */
export function isReachable(heard: Heard | undefined, now: number): boolean {
  return heard !== undefined && now <= nextContactBy(heard)
}
