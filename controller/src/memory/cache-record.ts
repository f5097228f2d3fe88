import * as z from 'zod'
import { cacheOperationSchema, cacheStatusSchema } from '../api/cache-status.ts'

/** What the centre remembers of one ImageCache besides its spec. Times are epoch milliseconds. */
export const cacheRecordSchema = z.object({
  version: z.literal(1),
  /** The cluster's, or made when a directory's cache was first seen: a cache that was deleted and comes back is another one. */
  uid: z.string().min(1),
  /** Grows with every change of the spec. */
  generation: z.number().int().min(1),
  /** The spec of that generation, comparable. */
  spec: z.string(),
  /** Names of its images. */
  names: z.array(z.string()),
  /** Names that it no longer wants, until its nodes have dealt with them. */
  leaving: z.array(z.string()),
  operation: z.object({
    reason: cacheOperationSchema,
    startedAt: z.number(),
    /** It only takes images away. */
    deleting: z.boolean(),
  }),
  /** Annotations that have been seen: only their coming is an order. */
  annotations: z.object({ refresh: z.boolean(), purge: z.boolean() }),
  /** Emptied by order, until its spec changes or a refresh is ordered. */
  purged: z.boolean(),
  /** What was looked up upstream before this is looked up again. */
  refreshSince: z.number(),
  /** A projection: one that another version wrote is made anew. */
  status: cacheStatusSchema.nullable().catch(null),
})
export type CacheRecord = z.infer<typeof cacheRecordSchema>
