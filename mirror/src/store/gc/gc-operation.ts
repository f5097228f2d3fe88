import * as z from 'zod'
import type { Operation, RunOperation } from '../../operations/operation.ts'
import type { Collection, CollectionProgress } from './collect-garbage.ts'
import type { GarbageCollector } from './garbage-collector.ts'

const count = z.number().int().nonnegative()
/** Milliseconds. */
const time = z.number().nonnegative().optional()

const optionsSchema = z.strictObject({
  /** Nothing is written: says what would be done. */
  isDryRun: z.boolean(),
  /** Instead of those of the mirror. */
  rules: z.strictObject({ graceMs: time, untaggedMs: time, youngMs: time }),
})
export type GcOptions = z.infer<typeof optionsSchema>

export const collectionSchema: z.ZodType<Collection> = z.object({
  repositories: count,
  links: z.object({
    found: count,
    condemned: count,
    pardoned: count,
    deleted: count,
    // Older mirrors do not say them.
    untagged: count.default(0),
    waiting: count.default(0),
  }),
  blobs: z.object({ blobs: count, condemned: count, deleted: count, bytesDeleted: count, bytesCondemned: count }),
  leftAlone: z.array(z.object({ repository: z.string(), reason: z.string() })),
})

/** Collects garbage once. */
export const gcOperation: Operation<GcOptions, CollectionProgress, Collection> = {
  verb: 'gc',
  options: optionsSchema,
  progress: z.object({ repositories: count, links: count, blobs: count, condemned: count, deleted: count }),
  result: collectionSchema,
}

/** Has a collector of this process do it. */
export function runGc(collector: GarbageCollector): RunOperation<GcOptions, CollectionProgress, Collection> {
  return (options, context) => collector.collect({ ...options, ...context })
}
