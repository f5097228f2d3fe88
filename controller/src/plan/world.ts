import type { Assignment } from '@stowage/mirror/edge/assignment'
import type { Resolutions } from '../memory/resolution.ts'
import type { KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'

/** A copy into the mirror that is going on. Bytes of blobs; undefined until they are known. */
export interface Flight {
  readonly bytesDone: number
  readonly bytesTotal: number | undefined
}

/** All that the centre knows at one moment. */
export interface World {
  readonly epoch: string
  readonly caches: readonly LivingCache[]
  readonly nodes: readonly KnownNode[]
  readonly resolutions: Resolutions
  /** By node. */
  readonly assignments: ReadonlyMap<string, Assignment>
  /** By image name. */
  readonly flights: ReadonlyMap<string, Flight>
  /** By `namespace/name`: why the latest version of a cache is not in force. */
  readonly notAccepted: ReadonlyMap<string, string>
  /** Epoch milliseconds. */
  readonly now: number
}
