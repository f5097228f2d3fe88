import { controllerMetrics } from '@stowage/controller/metrics/controller-metrics'
import { evictionMetrics } from '@stowage/mirror/eviction/eviction-metrics'
import { imageMetrics } from '@stowage/mirror/images/image-metrics'
import { gauge, type Metric } from '@stowage/mirror/metrics/meter'
import { pullThroughMetrics } from '@stowage/mirror/pull-through/pull-through-metrics'
import { gcMetrics } from '@stowage/mirror/store/gc/gc-metrics'
import { scrubMetrics } from '@stowage/mirror/store/scrub/scrub-metrics'
import { serverMetrics } from '@stowage/mirror/server/server-metrics'

/** What a process of Stowage tells of itself. */
export const processMetrics = {
  build: gauge('stowage_build_info', 'Always 1; the labels say what runs.', ['version', 'node_version']),
  storeSize: gauge('stowage_store_size_bytes', 'Size of the file system that holds the data directory.'),
  storeFree: gauge('stowage_store_free_bytes', 'Bytes of it that may still be written.'),
} as const

/** Of a mirror by itself. */
export const mirrorMetrics: readonly Metric[] = [
  ...Object.values(serverMetrics),
  ...Object.values(pullThroughMetrics),
  ...Object.values(evictionMetrics),
  ...Object.values(gcMetrics),
  ...Object.values(scrubMetrics),
  ...Object.values(imageMetrics),
  ...Object.values(processMetrics),
]

/** Of a centre. */
export const centreMetrics: readonly Metric[] = [...mirrorMetrics, ...Object.values(controllerMetrics)]
