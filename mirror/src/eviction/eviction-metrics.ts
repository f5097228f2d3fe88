import { counter, gauge } from '../metrics/meter.ts'

/** What is told of pulled images and their room. */
export const evictionMetrics = {
  pulledBytes: gauge('stowage_mirror_pulled_bytes', 'Bytes that are kept only because somebody asked for them.'),
  pulledImages: gauge('stowage_mirror_pulled_images', 'Images that are kept only because somebody asked for them.'),
  budgetBytes: gauge('stowage_mirror_pull_budget_bytes', 'Bytes that such images may take; absent if not bounded.'),
  shortBytes: gauge(
    'stowage_mirror_room_short_bytes',
    'Bytes that were to become free at the last look and could not: what is left is kept by others.',
  ),
  evictedImages: counter(
    'stowage_mirror_evicted_images_total',
    'Images that were taken away; reason is budget, room or superseded.',
    ['reason'],
  ),
  evictedBytes: counter('stowage_mirror_evicted_bytes_total', 'Bytes that nobody needed any more after that.', [
    'reason',
  ]),
} as const
