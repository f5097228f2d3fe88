import type { Report } from '@stowage/mirror/edge/report'
import type { Meter } from '@stowage/mirror/metrics/meter'
import { isFault } from '@stowage/mirror/oci/fault'
import PQueue from 'p-queue'
import type { Logger } from 'pino'
import type { NodeRecord } from '../memory/node-record.ts'
import type { Remembered } from '../memory/remembered.ts'
import { createShareReport } from '../memory/share-report.ts'
import { controllerMetrics } from '../metrics/controller-metrics.ts'
import { acceptReport, type ReportVerdict } from '../plan/accept-report.ts'
import { isToKeep } from '../plan/is-to-keep.ts'
import { heardBy, isReachable, type Listening } from '../plan/reachable.ts'

export interface NodeRegistryOptions {
  readonly nodes: Remembered<NodeRecord>
  readonly listening: () => Listening
  readonly now: () => number
  readonly log: Logger
  readonly meter: Meter
  /** Called when a report says more than how far bytes have come. */
  readonly onNews: () => void
}

/** Takes reports in, and their absence. */
export interface NodeRegistry {
  take(report: Report): Promise<ReportVerdict>
  /**
   * Writes down who is overdue now, so that no restart gives anybody a second time to be heard of. Says when the next one will
   * be, epoch milliseconds; Infinity for never.
   */
  noteSilence(): Promise<number>
}

/** How often bytes and times of a node are written down while nothing else changes, in milliseconds. */
const saveEveryMs = 60_000
/** So long for each node there is: a fleet at rest must not keep a disk busy. In milliseconds. */
const saveEachMs = 200
/** Records that are written at a time: what the mirror stores meanwhile is not to stand behind thousands of them. */
const mostWrites = 8

/** Keeps the latest report of each node: at once in memory, on disk when it is news and now and then. */
export function createNodeRegistry(options: NodeRegistryOptions): NodeRegistry {
  const { nodes, listening, now, log, meter, onNews } = options
  /** What stands on the disk. */
  const saved = new Map(nodes.all)
  const writes = new PQueue({ concurrency: mostWrites })
  const share = createShareReport()
  /** The instance that was refused last, by name: it comes again and again. */
  const refused = new Map<string, string>()

  async function save(node: string): Promise<void> {
    const record = nodes.all.get(node)
    if (record) saved.set(node, record)
    try {
      await nodes.save(node)
    } catch (err) {
      if (!isFault(err)) throw err
      saved.delete(node)
      log.error({ node, err }, 'report not remembered')
    }
  }

  function isDue(node: string): boolean {
    const everyMs = Math.max(saveEveryMs, saveEachMs * nodes.all.size)
    return now() - (saved.get(node)?.receivedAt ?? -Infinity) >= everyMs
  }

  function refuse({ node, instance }: Report): void {
    log[refused.get(node) === instance ? 'debug' : 'warn']({ node, instance }, 'report of a clone refused')
    refused.set(node, instance)
  }

  return {
    async take(report) {
      const { node } = report
      const record = nodes.all.get(node)
      const old = record && heardBy(record, listening())
      const verdict = acceptReport(old, share(report, record?.report), now())
      meter.add(controllerMetrics.reports, { verdict: verdict.kind })
      if (verdict.kind === 'clone') refuse(report)
      if (verdict.kind !== 'accepted') return verdict
      nodes.note(node, verdict.record)
      if (!old)
        log.info({ node, platform: report.platform, runtime: report.runtime }, 'node heard of for the first time')
      if (isDue(node) || (verdict.isNews && isToKeep(saved.get(node), verdict.record)))
        await writes.add(() => save(node))
      if (verdict.isNews) onNews()
      return verdict
    },

    async noteSilence() {
      const silent: string[] = []
      let nextAt = Infinity
      const sinceWhen = listening()
      for (const [node, record] of nodes.all) {
        if (record.isOverdue) continue
        const heard = heardBy(record, sinceWhen)
        if (isReachable(heard, now())) nextAt = Math.min(nextAt, heard.nextContactBy + 1)
        else silent.push(node)
      }
      for (const node of silent) nodes.note(node, { ...nodes.all.get(node)!, isOverdue: true })
      await Promise.all(silent.map((node) => writes.add(() => save(node))))
      return nextAt
    },
  }
}
