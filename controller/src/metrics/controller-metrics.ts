import { counter, gauge, histogram } from '@stowage/mirror/metrics/meter'

const cache = ['namespace', 'cache'] as const

/** What a centre tells of itself and its fleet. */
export const controllerMetrics = {
  caches: gauge('stowage_caches', 'ImageCaches by status.', ['status']),
  cacheStatus: gauge('stowage_cache_status', '1 for the status that an ImageCache has, 0 for the others.', [
    ...cache,
    'status',
  ]),
  cacheImages: gauge('stowage_cache_images', 'Images that an ImageCache names.', cache),
  cacheNodes: gauge('stowage_cache_nodes', 'Nodes that an ImageCache selects; all but matched are some of those.', [
    ...cache,
    'state',
  ]),
  cacheCopies: gauge(
    'stowage_cache_copies',
    'Copies that an ImageCache wants, one image on one node each, by where they stand.',
    [...cache, 'state'],
  ),
  cacheWantedBytes: gauge('stowage_cache_wanted_bytes', 'Bytes of all copies whose size is known.', cache),
  cacheMissingBytes: gauge(
    'stowage_cache_missing_bytes',
    'Bytes of them that are still to be brought to nodes.',
    cache,
  ),
  nodes: gauge('stowage_nodes', 'Nodes by link and phase, in the words of EdgeNodes.', ['link', 'phase']),
  images: gauge('stowage_images', 'References that ImageCaches name, by where they stand in the mirror.', ['state']),
  sourceState: gauge('stowage_source_state', '1 for the state that the source of wishes has, 0 for the others.', [
    'state',
  ]),
  sourceProblems: gauge('stowage_source_problems', 'Objects, or parts of them, that could not be taken as they are.', [
    'severity',
  ]),
  longPolls: gauge('stowage_assignments_awaited', 'Nodes that hold a request for their next assignment open.'),
  inFlight: gauge('stowage_upstream_in_flight', 'References that are being looked up or copied from upstream.', [
    'activity',
  ]),
  inFlightMissingBytes: gauge('stowage_upstream_missing_bytes', 'Bytes that copies under way still have to bring.'),
  lastStep: gauge('stowage_reconcile_last_success_timestamp_seconds', 'When a reconcile step succeeded last.'),
  leader: gauge('stowage_leader', '1 if this process reconciles, 0 if it stands by.'),

  syncs: counter('stowage_image_syncs_total', 'Look-ups of references that ended, with the copy if there was one.', [
    'registry',
    'outcome',
  ]),
  syncFailures: counter('stowage_image_sync_failures_total', 'Those that failed, by cause.', ['registry', 'code']),
  referrerSyncs: counter(
    'stowage_referrer_syncs_total',
    'Look-ups of signatures, SBOMs and what else speaks of mirrored images, with the copy if there was one.',
    ['registry', 'outcome'],
  ),
  upstreamBytes: counter('stowage_upstream_received_bytes_total', 'Bytes of blobs that came from upstream.', [
    'registry',
  ]),
  reconcileSteps: counter('stowage_reconcile_steps_total', 'Reconcile steps by result.', ['result']),
  reconcileDuration: histogram('stowage_reconcile_step_duration_seconds', 'How long reconcile steps took.', {
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60],
  }),
  clusterWrites: counter('stowage_cluster_writes_total', 'Writes to the API server that it took.', ['kind']),
  clusterWriteFailures: counter('stowage_cluster_write_failures_total', 'Writes to the API server that failed.', [
    'kind',
    'code',
  ]),
  reports: counter('stowage_reports_received_total', 'Reports of nodes by what became of them.', ['verdict']),
  assignments: counter('stowage_assignments_served_total', 'Answers to nodes that asked for their assignment.', [
    'result',
  ]),
} as const
