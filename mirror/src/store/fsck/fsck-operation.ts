import * as z from 'zod'
import { digestSchema } from '../../oci/descriptor.ts'
import type { Operation } from '../../operations/operation.ts'

const count = z.number().int().nonnegative()
const pile = z.object({ count, bytes: count })

const optionsSchema = z.strictObject({
  /** Hashes all bytes, and not only those of manifests. */
  isReadingData: z.boolean(),
  /** Mends what can be mended without a risk; else nothing is written. */
  isRepairing: z.boolean(),
})
export type FsckOptions = z.infer<typeof optionsSchema>

const progressSchema = z.object({
  step: z.enum(['listing blobs', 'checking repositories', 'reading blobs', 'looking again']),
  done: z.number(),
  /** Absent where it is not known. */
  total: z.number().optional(),
})
export type FsckProgress = z.infer<typeof progressSchema>

/** Something in a store that is not as it should be. */
export const faultSchema = z.object({
  kind: z.enum([
    'tag-unreadable',
    'tag-dangling',
    'link-unreadable',
    'bytes-missing',
    'size-wrong',
    'blob-damaged',
    'blob-unreadable',
    'part-size-wrong',
    'referrer-missing',
    'hold-unreadable',
  ]),
  repository: z.string().optional(),
  tag: z.string().optional(),
  digest: digestSchema.optional(),
  /** For people. */
  says: z.string(),
  isRepaired: z.boolean(),
})
export type FsckFault = z.infer<typeof faultSchema>

const resultSchema = z.object({
  repositories: count,
  tags: count,
  manifests: count,
  blobs: pile,
  faults: z.array(faultSchema),
  /** Images and indexes of which something is not here: normal for what was pushed or pulled sparse. */
  incomplete: z.array(z.object({ repository: z.string(), digest: digestSchema, absent: count })),
  /** Bytes that no repository has: garbage, for a collection to find. */
  unlinked: pile,
  /** Begun and not ended, by clients or our own fetches. */
  uploads: pile,
  /** Damaged bytes that were taken out of service. */
  quarantined: pile,
  /** Objects among the blobs that are none. */
  strays: z.array(z.string()),
  elapsedMs: z.number(),
})
export type FsckResult = z.infer<typeof resultSchema>

/** Looks whether what a store says of itself is so. */
export const fsckOperation: Operation<FsckOptions, FsckProgress, FsckResult> = {
  verb: 'fsck',
  options: optionsSchema,
  progress: progressSchema,
  result: resultSchema,
}
