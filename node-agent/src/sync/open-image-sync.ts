import type { Logger } from 'pino'
import type { ContentSource } from '@stowage/mirror/content'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { Runtime } from '../runtime/runtime.ts'
import type { Attempts } from '../state/attempts.ts'
import type { DocumentStore } from '../transfer/document-store.ts'
import type { PartStore } from '../transfer/part-store.ts'
import { createThrottle } from '../transfer/throttle.ts'
import { createImageSync, type ImageSync } from './image-sync.ts'
import { createLibrary, type Library } from './library.ts'
import { createPursuits } from './pursuits.ts'
import { createTransfers } from './transfers.ts'

/** How hard a node tries. */
export interface SyncLimits {
  /** Blobs at a time. */
  readonly concurrency: number
  /** How long a source may be silent, in milliseconds. */
  readonly stallMs: number
  /** Bytes that are to stay free on each disk. */
  readonly reserveBytes: number
}

export const defaultSyncLimits: SyncLimits = { concurrency: 3, stallMs: 30_000, reserveBytes: 32 * 1024 * 1024 }

export interface OpenImageSyncOptions {
  readonly data: {
    readonly documents: DocumentStore
    readonly parts: PartStore
    readonly attempts: Attempts
  }
  /** Where sets and images come from: a centre, a bundle. */
  readonly source: ContentSource
  readonly runtime: Runtime
  readonly platform: Platform
  readonly limits: SyncLimits
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly random: () => number
  readonly onBytes: (bytes: number) => void
  /** Told when it is worth looking again. */
  readonly onEnd: () => void
  /** Told of what is no fault but a mistake of ours. */
  readonly onBug: (error: unknown) => void
  readonly log: Logger
}

/** Puts together what brings images from a source into a runtime: the same for every source. */
export function openImageSync(options: OpenImageSyncOptions): {
  readonly imageSync: ImageSync
  readonly library: Library
} {
  const { data, source, runtime, limits } = options
  const library = createLibrary({ ...data, ...options, documentTimeoutMs: limits.stallMs })
  const imageSync = createImageSync({
    ...data,
    ...limits,
    library,
    runtime,
    log: options.log,
    pursuits: createPursuits({ ...options, attempts: data.attempts }),
    openTransfers: (onArrival) =>
      createTransfers({
        ...limits,
        source,
        runtime,
        parts: data.parts,
        throttle: createThrottle(),
        onBytes: options.onBytes,
        onArrival,
      }),
  })
  return { imageSync, library }
}
