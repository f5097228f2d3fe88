import { counter, gauge } from '../../metrics/meter.ts'

/** What looking after stored bytes comes to. */
export const scrubMetrics = {
  scrubbedBytes: counter('stowage_scrub_read_bytes_total', 'Bytes of blobs and manifests that were read to hash them.'),
  damaged: counter(
    'stowage_damaged_blobs_total',
    'Blobs and manifests whose bytes were found damaged, by a scrub or a reader, and taken out of service.',
  ),
  mended: counter('stowage_mended_blobs_total', 'Of them, those whose right bytes are there again.'),
  missed: gauge('stowage_missed_blobs', 'Damaged blobs that repositories name and that are not there again yet.'),
  unreadable: gauge('stowage_scrub_unreadable_blobs', 'Blobs that the store could not give to the last scrub.'),
  lastPass: gauge('stowage_scrub_last_pass_timestamp_seconds', 'When the last pass over all blobs was through.'),
} as const
