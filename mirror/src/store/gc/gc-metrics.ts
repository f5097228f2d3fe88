import { counter, gauge, histogram } from '../../metrics/meter.ts'

/** What collecting garbage comes to. */
export const gcMetrics = {
  collections: counter('stowage_gc_collections_total', 'Collections of garbage that ended.', ['result']),
  duration: histogram('stowage_gc_duration_seconds', 'How long collections took, with their rests.', {
    buckets: [0.1, 1, 10, 60, 300, 1800, 7200],
  }),
  deletedLinks: counter('stowage_gc_deleted_links_total', 'Manifests and blobs that repositories lost as garbage.'),
  deletedBlobs: counter('stowage_gc_deleted_blobs_total', 'Blobs whose bytes were deleted.'),
  deletedBytes: counter('stowage_gc_deleted_bytes_total', 'Bytes of the blobs that were deleted.'),
  condemnedBytes: gauge('stowage_gc_condemned_bytes', 'Bytes that go with the next collections if nobody links them.'),
  leftAlone: gauge(
    'stowage_gc_left_alone_repositories',
    'Repositories in which the last collection looked for no garbage, as something in them is damaged.',
  ),
  lastSuccess: gauge('stowage_gc_last_success_timestamp_seconds', 'When the last collection was through.'),
} as const
