import type { ReportBody } from './centre/reporting.ts'
import { imageReportsOf } from './plan/report-of.ts'
import type { SyncView } from './sync/sync.ts'

/** What of a report stays the same for as long as the agent runs. */
export type Identity = Pick<ReportBody, 'node' | 'instance' | 'agentVersion' | 'platform' | 'labels' | 'runtime'>

export interface Measures {
  readonly bytesPerSecond: number
  readonly bytesReceived: number
  /** Epoch milliseconds. */
  readonly now: number
}

const longestTrouble = 1000

/** Says how a node stands, from what was found on it. @param contactTrouble what the centre has against it */
export function reportBodyOf(
  identity: Identity,
  view: SyncView,
  { measures, contactTrouble }: { readonly measures: Measures; readonly contactTrouble: string | undefined },
): ReportBody {
  const { assignment, images } = view
  const trouble = view.trouble ?? contactTrouble
  return {
    version: 1,
    ...identity,
    acknowledged: assignment ? { epoch: assignment.epoch, sequence: assignment.sequence } : null,
    images: imageReportsOf(images, measures.now),
    bytesPerSecond: measures.bytesPerSecond,
    bytesReceived: measures.bytesReceived,
    ...(trouble === undefined ? {} : { trouble: trouble.slice(0, longestTrouble) }),
  }
}
