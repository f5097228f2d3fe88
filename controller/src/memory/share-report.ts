import type { ImageReport, Report } from '@stowage/mirror/edge/report'

/** Makes a report of the same words that holds what others hold too. */
export type ShareReport = (report: Report) => Report

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

  return (report) => ({ ...report, images: report.images.map(shared) })
}
