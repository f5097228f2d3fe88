import type { FaultReport, Report } from '@stowage/mirror/edge/report'
import type { NodeRecord } from '../memory/node-record.ts'
import { isReachable, type HeardNode } from './reachable.ts'

export type ReportVerdict =
  | {
      readonly kind: 'accepted'
      readonly record: NodeRecord
      /** More than bytes and times has changed, or it was overdue: worth another look at everything. */
      readonly isNews: boolean
    }
  | { readonly kind: 'late' }
  | { readonly kind: 'clone'; readonly message: string }

/** What a report changes. One name belongs to one instance of an agent, until that one is overdue. */
export function acceptReport(old: HeardNode | undefined, report: Report, now: number): ReportVerdict {
  const isSame = old?.report.instance === report.instance
  if (old && !isSame && isReachable(old, now)) return { kind: 'clone', message: cloneMessage(old, report, now) }
  // An agent that was set back to a backup counts anew: once it is overdue, what it says is taken.
  if (old && isSame && report.counter <= old.report.counter && isReachable(old, now)) return { kind: 'late' }
  const failures = failuresOf(isSame ? old : undefined, report)
  const record: NodeRecord = { version: 1, report, receivedAt: now, isOverdue: false, failures }
  return { kind: 'accepted', record, isNews: !old || old.isOverdue || isNewsAfter(old, record) }
}

/** @param before what the same instance said before */
function failuresOf(before: NodeRecord | undefined, report: Report): NodeRecord['failures'] {
  if (before?.report.images === report.images) return before.failures
  return failuresAfter(before?.failures ?? {}, report)
}

/** A definite error stays until the image succeeds, means another digest, or is no longer wanted. */
function failuresAfter(old: NodeRecord['failures'], { images }: Report): NodeRecord['failures'] {
  const failures: NodeRecord['failures'] = {}
  for (const { name, digest, state, fault } of images) {
    if (state === 'present' || state === 'removing' || state === 'in-use') continue
    const before = old[name]
    if (fault && isDefinite(fault)) failures[name] = { digest, fault }
    else if (before?.digest === digest) failures[name] = before
  }
  return failures
}

/** A link that is down and a race with another writer pass by themselves. */
function isDefinite({ code }: Pick<FaultReport, 'code'>): boolean {
  return code !== 'unavailable' && code !== 'conflict'
}

function isNewsAfter(old: NodeRecord, next: NodeRecord): boolean {
  if (selfOf(old) !== selfOf(next)) return true
  const isSame = old.report.images === next.report.images && old.failures === next.failures
  return !isSame && copiesOf(old) !== copiesOf(next)
}

function selfOf({ report }: NodeRecord): string {
  const { instance, agentVersion, platform, labels, runtime, acknowledged, trouble } = report
  return JSON.stringify([instance, agentVersion, platform, labels, runtime, acknowledged, trouble])
}

function copiesOf({ report: { images }, failures }: NodeRecord): string {
  const states = images.map(({ name, digest, state, fault, window }) => {
    return [name, digest, state, fault?.code, window !== undefined]
  })
  const failed = Object.entries(failures).map(([name, { digest }]) => [name, digest])
  return JSON.stringify([states, failed])
}

function cloneMessage(old: HeardNode, { node }: Report, now: number): string {
  const seconds = Math.ceil((old.nextContactBy - now) / 1000)
  return (
    `node ${node} is taken: another agent (instance ${old.report.instance}) reports under this name. ` +
    `If this machine is a copy of that one, give it a name of its own (--node) and a data directory of its own; ` +
    `if it replaces it, it gets the name once the other is overdue, in ${seconds} s`
  )
}
