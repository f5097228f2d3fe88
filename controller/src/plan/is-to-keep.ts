import type { ImageReport } from '@stowage/mirror/edge/report'
import type { NodeRecord } from '../memory/node-record.ts'

/**
 * Whether what a node said last is to be written over what stands on the disk of it, because a centre that is killed would say
 * something else of the node. How far copies have come the node tells again; and what is known of one version stays true when
 * another one is to take its place.
 */
export function isToKeep(kept: NodeRecord | undefined, next: NodeRecord): boolean {
  if (!kept || fixedOf(kept) !== fixedOf(next)) return true
  const [before, now] = [settledOf(kept), settledOf(next)]
  if (now.difference(before).size > 0) return true
  const listed = new Set(next.report.images.map(copyOf))
  return kept.report.images.some(
    (line) => isLost(line, now) && before.has(settledLine(line)) && listed.has(copyOf(line)),
  )
}

function fixedOf({ report, failures, isOverdue }: NodeRecord): string {
  const { instance, agentVersion, platform, labels, runtime, trouble } = report
  const failed = Object.entries(failures).map(([name, { digest }]) => [name, digest])
  return JSON.stringify([instance, agentVersion, platform, labels, runtime, trouble, failed, isOverdue])
}

/** The copies that are in place, or on their way out. */
function settledOf({ report }: NodeRecord): Set<string> {
  const lines = report.images.filter(({ state }) => state === 'present' || state === 'removing' || state === 'in-use')
  return new Set(lines.map(settledLine))
}

function isLost(line: ImageReport, now: ReadonlySet<string>): boolean {
  return !now.has(settledLine(line))
}

function settledLine({ name, digest, state }: ImageReport): string {
  return `${name} ${digest} ${state}`
}

function copyOf({ name, digest }: ImageReport): string {
  return `${name} ${digest}`
}
