import { isDeepStrictEqual } from 'node:util'
import type { WrittenStatus } from '../api/written-status.ts'
import { formatBytes } from './format-bytes.ts'
import type { LivingCache } from './living-cache.ts'
import { isObserved } from './observe-cache.ts'
import { statusOf } from './status-of.ts'
import type { World } from './world.ts'

/**
 * What is to stand in the `.status` of a cluster's ImageCache now. Undefined as long as the centre has not looked at the latest
 * spec: then nothing that is known is about it.
 */
export function imageCacheStatusOf(living: LivingCache, world: World): WrittenStatus | undefined {
  if (!isObserved(living)) return undefined
  const status = statusOf(living, world)
  const { nodes } = status.counts
  const { present, wanted } = status.bytes
  return {
    ...status,
    observedGeneration: living.cache.generation ?? status.observedGeneration,
    summary: {
      nodes: `${nodes.complete}/${nodes.matched}`,
      bytes: `${formatBytes(present)} of ${formatBytes(wanted)}`,
    },
  }
}

/**
 * Whether a status says more than what was written before, by us or by kube-fledged: what moves with every byte is not worth a
 * write by itself.
 */
export function isNewStatus(written: unknown, next: WrittenStatus): boolean {
  return !isDeepStrictEqual(stepsOf(written), stepsOf(next))
}

/** JSON, so that a field that is absent and one that is undefined are the same. */
function stepsOf(status: unknown): unknown {
  const { bytes: _bytes, counts, summary, ...rest } = asObject(JSON.parse(JSON.stringify(status ?? {})))
  const { copies, ...otherCounts } = asObject(counts)
  const { wanted, present, failed } = asObject(copies)
  return { ...rest, counts: otherCounts, copies: [wanted, present, failed], nodes: asObject(summary)['nodes'] }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
