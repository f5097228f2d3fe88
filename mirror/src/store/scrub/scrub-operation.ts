import * as z from 'zod'
import { digestSchema } from '../../oci/descriptor.ts'
import type { Operation } from '../../operations/operation.ts'
import { scrubTallySchema } from './scrub-tally.ts'

const optionsSchema = z.strictObject({
  /** Absent: as fast as it goes. */
  bytesPerSecond: z.number().positive().optional(),
})
export type ScrubOptions = z.infer<typeof optionsSchema>

const progressSchema = z.object({
  blobs: z.number(),
  blobsTotal: z.number(),
  bytes: z.number(),
  bytesTotal: z.number(),
  elapsedMs: z.number(),
})
export type ScrubProgress = z.infer<typeof progressSchema>

const troubleSchema = z.object({
  digest: digestSchema,
  kind: z.enum(['damaged', 'unreadable']),
  /** For people: what became of it, or why it cannot be read. */
  says: z.string(),
  /** Whether right bytes are there again, or nobody misses them. */
  isSettled: z.boolean(),
})

const resultSchema = z.object({
  ...scrubTallySchema.shape,
  elapsedMs: z.number(),
  /** What is not right, found by this scrub or missed since an earlier time: of very many, the first. */
  troubles: z.array(troubleSchema),
})
export type ScrubResult = z.infer<typeof resultSchema>

/** Re-hashes everything once. */
export const scrubOperation: Operation<ScrubOptions, ScrubProgress, ScrubResult> = {
  verb: 'scrub',
  options: optionsSchema,
  progress: progressSchema,
  result: resultSchema,
}
