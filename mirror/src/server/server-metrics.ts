import { counter, histogram } from '../metrics/meter.ts'

/** What an HTTP server of Stowage counts. */
export const serverMetrics = {
  requests: counter('stowage_http_requests_total', 'HTTP requests that were answered, or given up by their client.', [
    'route',
    'method',
    'code',
  ]),
  requestDuration: histogram(
    'stowage_http_request_duration_seconds',
    'From the head of an HTTP request to the end of its answer: over thin links that is the time of the link.',
    { labels: ['route', 'method'], buckets: [0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300, 1800] },
  ),
  connectionsCut: counter(
    'stowage_http_connections_cut_total',
    'Connections that were ended because their client had too many, did not wait for answers, or let a head or a document come too slowly.',
    ['reason'],
  ),
  bytesServed: counter('stowage_mirror_served_bytes_total', 'Bytes of blobs and manifests that were sent.', ['kind']),
} as const
