import { isDeepStrictEqual } from 'node:util'
import type { ImageReport, Report } from '@stowage/mirror/edge/report'
import { sameItems } from '../same-items.ts'

/**
 * Makes a report of the same words that holds what others hold too. What it says as the node's report before did, of its images,
 * its labels and its platform, is the same object: what follows from that need not be found out again.
 */
export type ShareReport = (report: Report, before?: Report) => Report

/** Then it is begun anew: what reports hold stays, and nothing is kept for ever that no report holds. */
const mostLines = 20_000

/**
 * Nodes with the same images say the same of them. Where each of them had its own copy of that, a node with 50 images would take
 * ten kilobytes of memory.
 */
export function createShareReport(): ShareReport {
  const lines = new Map<string, ImageReport>()

  function shared(line: ImageReport): ImageReport {
    const { name, digest, state, bytesHere, bytesTotal, fault } = line
    // What moves or fails is not said twice.
    if (fault || state === 'fetching') return line
    const key = `${name} ${digest} ${state} ${bytesHere} ${bytesTotal}`
    const known = lines.get(key)
    if (known) return known
    if (lines.size >= mostLines) lines.clear()
    lines.set(key, line)
    return line
  }

  return (report, before) => {
    const images = report.images.map(shared)
    if (!before) return { ...report, images }
    return {
      ...report,
      images: sameItems(images, before.images) ? before.images : images,
      labels: oldIfSame(before.labels, report.labels),
      platform: oldIfSame(before.platform, report.platform),
    }
  }
}

function oldIfSame<T>(old: T, next: T): T {
  return isDeepStrictEqual(old, next) ? old : next
}
