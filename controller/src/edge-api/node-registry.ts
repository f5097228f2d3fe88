import type { Report } from '@stowage/mirror/edge/report'
import { isFault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'
import type { NodeRecord } from '../memory/node-record.ts'
import type { Remembered } from '../memory/remembered.ts'
import { acceptReport, type ReportVerdict } from '../plan/accept-report.ts'

export interface NodeRegistryOptions {
  readonly nodes: Remembered<NodeRecord>
  readonly now: () => number
  readonly log: Logger
  /** Called when a report says more than how far bytes have come. */
  readonly onNews: () => void
}

/** Takes reports in. */
export interface NodeRegistry {
  take(report: Report): Promise<ReportVerdict>
}

/** How often bytes and times are written down while nothing else changes, in milliseconds. */
const saveEveryMs = 60_000

/** Keeps the latest report of each node: at once in memory, on disk when it is news and now and then. */
export function createNodeRegistry({ nodes, now, log, onNews }: NodeRegistryOptions): NodeRegistry {
  const savedAt = new Map<string, number>()

  async function save(node: string): Promise<void> {
    savedAt.set(node, now())
    try {
      await nodes.save(node)
    } catch (err) {
      if (!isFault(err)) throw err
      log.error({ node, err }, 'report not remembered')
    }
  }

  return {
    async take(report) {
      const { node } = report
      const old = nodes.all.get(node)
      const verdict = acceptReport(old, report, now())
      if (verdict.kind === 'clone') log.warn({ node, instance: report.instance }, 'report of a clone refused')
      if (verdict.kind !== 'accepted') return verdict
      nodes.note(node, verdict.record)
      if (!old)
        log.info({ node, platform: report.platform, runtime: report.runtime }, 'node heard of for the first time')
      if (verdict.isNews || now() - (savedAt.get(node) ?? 0) >= saveEveryMs) await save(node)
      if (verdict.isNews) onNews()
      return verdict
    },
  }
}
