import { counter } from '../metrics/meter.ts'

/** What pulling through counts. */
export const pullThroughMetrics = {
  bytesFetched: counter('stowage_mirror_fetched_bytes_total', 'Bytes of blobs that came from an upstream.', [
    'upstream',
  ]),
  bytesPassed: counter(
    'stowage_mirror_passed_bytes_total',
    'Bytes of them that were given to a client and not stored, as there was no room.',
    ['upstream'],
  ),
  tagChecks: counter(
    'stowage_mirror_tag_checks_total',
    'Looks at what a tag of an upstream means; result is unchanged, moved or failed.',
    ['upstream', 'result'],
  ),
} as const
