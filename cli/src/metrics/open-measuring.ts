import type { ListenAddress } from '@stowage/mirror/server/listen-address'
import { createMirrorServer, listen } from '@stowage/mirror/server/mirror-server'
import { sample, type Meter, type Metric } from '@stowage/mirror/metrics/meter'
import type { Logger } from 'pino'
import { once } from 'node:events'
import { processMetrics } from './all-metrics.ts'
import type { Metrics } from './open-metrics.ts'

/** What a command counts with. */
export interface Measuring extends Pick<Metrics, 'look'> {
  /** Undefined if nobody is to see the numbers: then none are kept. */
  readonly meter: Meter | undefined
  /** To be run beside the rest, until their signal. */
  readonly loops: readonly ((signal: AbortSignal) => Promise<void>)[]
}

export interface MeasuringOptions {
  readonly metrics: readonly Metric[]
  readonly version: string
  readonly log: Logger
}

const nobodyLooks: Measuring = { meter: undefined, look: () => undefined, loops: [] }

/** Begins to count, if there is an address where `/metrics` is to be served. What it takes is loaded only then. */
export async function openMeasuring(
  address: ListenAddress | undefined,
  { metrics, version, log }: MeasuringOptions,
): Promise<Measuring> {
  if (!address) return nobodyLooks
  const { openMetrics } = await import('./open-metrics.ts')
  const opened = openMetrics({ metrics })
  const build = sample(processMetrics.build, { version, node_version: process.version }, 1)
  opened.look(() => [build])
  return {
    meter: opened.meter,
    look: (read) => opened.look(read),
    loops: [(signal) => serveMetrics(opened, { address, log, signal })],
  }
}

interface ServeMetricsOptions {
  readonly address: ListenAddress
  readonly log: Logger
  readonly signal: AbortSignal
}

/** At an address of its own: names of caches and registries are not for nodes. */
async function serveMetrics(metrics: Metrics, { address, log, signal }: ServeMetricsOptions): Promise<void> {
  const app = createMirrorServer()
  app.setErrorHandler((err, _request, reply) => {
    log.error({ err }, 'metrics not made')
    return reply.code(500).send('the log says why\n')
  })
  app.get('/metrics', async (_request, reply) => {
    const text = await metrics.text()
    return reply.header('content-type', metrics.contentType).header('cache-control', 'no-store').send(text)
  })
  await using listening = await listen(app, address)
  log.info({ url: `${listening.url}/metrics` }, 'metrics are served')
  if (!signal.aborted) await once(signal, 'abort')
}
