import type { LabelValues, Meter, Metric, Sample } from '@stowage/mirror/metrics/meter'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** The numbers of a process, as Prometheus reads them. */
export interface Metrics {
  readonly meter: Meter
  /** Asks `read` for gauges whenever somebody looks. */
  look(read: () => readonly Sample[] | Promise<readonly Sample[]>): void
  /** All of them, in the text form of Prometheus (version 0.0.4). */
  text(): Promise<string>
  readonly contentType: string
}

export interface MetricsOptions {
  /** All that will ever be counted, so that what has not happened yet is known to be none. */
  readonly metrics: readonly Metric[]
  /** Milliseconds, from any beginning, never going back. */
  readonly steadyNow?: () => number
}

/** Numbers are not made anew within this time, however many ask, in milliseconds. */
const freshMs = 1000

/** Keeps the numbers that are counted, beside those that Node has of the process. */
export function openMetrics({ metrics, steadyNow = () => performance.now() }: MetricsOptions): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const counters = new Map<string, Counter>()
  const histograms = new Map<string, Histogram>()
  const gauges = new Map<string, Gauge>()
  for (const { name, help, labels, type, buckets } of metrics) {
    const configuration = { name, help, labelNames: [...labels], registers }
    if (type === 'counter') counters.set(name, new Counter(configuration))
    if (type === 'gauge') gauges.set(name, new Gauge(configuration))
    if (type === 'histogram')
      histograms.set(name, new Histogram({ ...configuration, ...(buckets && { buckets: [...buckets] }) }))
  }
  const readers: Parameters<Metrics['look']>[0][] = []
  let latest = { at: -Infinity, done: Promise.resolve() }

  async function lookAtGauges(): Promise<void> {
    const samples: Sample[] = []
    for (const read of readers) samples.push(...(await read()))
    for (const { name, labels } of metrics) forget(gauges.get(name), labels)
    for (const { metric, labels, value } of samples) known(gauges, metric).set(labels, value)
  }

  function refresh(): Promise<void> {
    if (steadyNow() - latest.at >= freshMs) latest = { at: steadyNow(), done: lookAtGauges() }
    return latest.done
  }

  return {
    meter: {
      add: (metric: Metric, labels: LabelValues, by = 1) => known(counters, metric).inc(labels, by),
      observe: (metric: Metric, labels: LabelValues, value) => known(histograms, metric).observe(labels, value),
    },
    look: (read) => void readers.push(read),
    contentType: registry.contentType,
    async text() {
      await refresh()
      return await registry.metrics()
    },
  }
}

/** Without labels, one that is reset would say 0 where nothing is known. */
function forget(gauge: Gauge | undefined, labels: Metric['labels']): void {
  gauge?.reset()
  if (labels.length === 0) gauge?.remove()
}

function known<T>(all: ReadonlyMap<string, T>, { name }: Metric): T {
  const found = all.get(name)
  if (!found) throw new Error(`metric ${name} is not among those that are known`)
  return found
}
