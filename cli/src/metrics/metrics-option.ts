import { parseListenAddress, type ListenAddress } from '@stowage/mirror/server/listen-address'
import { option, parsedBy } from '../option.ts'

export interface MetricsFlags {
  readonly metricsListen?: ListenAddress
}

/** `--metrics-listen`, the same for all that have numbers to tell. */
export function metricsOption(): ReturnType<typeof option> {
  return option(
    '--metrics-listen <address>',
    'HOST:PORT where /metrics is served for Prometheus (default: nowhere)',
  ).argParser(parsedBy(parseListenAddress))
}
