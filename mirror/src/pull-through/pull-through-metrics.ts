import { counter } from '../metrics/meter.ts'

/** What pulling through counts. */
export const pullThroughMetrics = {
  bytesFetched: counter('stowage_mirror_fetched_bytes_total', 'Bytes of blobs that came from an upstream.', [
    'upstream',
  ]),
} as const
