import type { LabelValues, Meter } from '@stowage/mirror/metrics/meter'

/** A meter that a test reads. */
export interface RecordingMeter extends Meter {
  /** What was added up under exactly these labels; 0 if nothing was. */
  sum(name: string, labels?: LabelValues): number
  observed(name: string): number
}

export function createRecordingMeter(): RecordingMeter {
  const sums = new Map<string, number>()
  const counts = new Map<string, number>()
  const keyOf = (name: string, labels: LabelValues): string =>
    JSON.stringify([name, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))])
  return {
    add({ name }, labels, by = 1) {
      const key = keyOf(name, labels)
      sums.set(key, (sums.get(key) ?? 0) + by)
    },
    observe: ({ name }) => void counts.set(name, (counts.get(name) ?? 0) + 1),
    sum: (name, labels = {}) => sums.get(keyOf(name, labels)) ?? 0,
    observed: (name) => counts.get(name) ?? 0,
  }
}
