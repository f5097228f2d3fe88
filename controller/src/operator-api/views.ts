import { removalSchema } from '@stowage/mirror/edge/assignment'
import { descriptorSchema, digestSchema } from '@stowage/mirror/oci/descriptor'
import * as z from 'zod'
import { cacheStatusSchema } from '../api/cache-status.ts'

const count = z.number().int().min(0)
const time = z.string().nullable()

/** A line of `/api/v1/caches`: the status of one ImageCache. */
export const cacheViewSchema = cacheStatusSchema.extend({ namespace: z.string(), name: z.string(), uid: z.string() })
export type CacheView = z.infer<typeof cacheViewSchema>

/**
 * Where one copy stands. `unselected`: no node is to have it. `mirror`: the centre does not have it yet. `held`: the node is
 * not told of it yet. `told`: it has not spoken of it yet. `removing` and `in-use`: it is wanted no more. The others are the node's own words.
 */
const imageViewStateSchema = z.enum([
  'unselected',
  'mirror',
  'held',
  'told',
  'waiting',
  'fetching',
  'publishing',
  'present',
  'failed',
  'removing',
  'in-use',
])

/** A line of `/api/v1/images`: one image on one node. */
export const imageViewSchema = z.object({
  /** As a list has it. */
  image: z.string(),
  /** The one name under which runtimes know it. */
  name: z.string(),
  /** `namespace/name` of the caches that want it there. */
  caches: z.array(z.string()),
  node: z.string().nullable(),
  /** What the node is to have under this name; null while that is not known. */
  digest: digestSchema.nullable(),
  state: imageViewStateSchema,
  /** The node keeps its promise to be heard of; what is said of another one is its last word. */
  online: z.boolean(),
  bytesHere: count,
  bytesTotal: count.nullable(),
  percent: z.number().min(0).max(100).nullable(),
  bytesPerSecond: z.number().min(0).nullable(),
  etaSeconds: count.nullable(),
  /** Why it is not there yet; empty if there is nothing to say. */
  message: z.string(),
})
export type ImageView = z.infer<typeof imageViewSchema>

/** A line of `/api/v1/nodes`. Times are RFC 3339. */
export const nodeViewSchema = z.object({
  name: z.string(),
  online: z.boolean(),
  lastContact: time,
  /** Overdue after this. */
  nextContactBy: time,
  labels: z.record(z.string(), z.string()),
  platform: z.string().nullable(),
  runtime: z.string().nullable(),
  agentVersion: z.string().nullable(),
  instance: z.string().nullable(),
  /** `epoch/sequence` of what it is told, and of what it has read. */
  assignment: z.string().nullable(),
  acknowledged: z.string().nullable(),
  images: z.object({
    wanted: count,
    present: count,
    failed: count,
    /** Of those that failed: not upstream, but on the node itself. */
    failedHere: count,
  }),
  bytes: z.object({ wanted: count, present: count }),
  bytesPerSecond: z.number().min(0).nullable(),
  /** Blob bytes since the agent's first start. */
  bytesReceived: count.nullable(),
  etaSeconds: count.nullable(),
  message: z.string(),
})
export type NodeView = z.infer<typeof nodeViewSchema>

/** `/api/v1/source`: whether what is written is in force. */
export const sourceViewSchema = z.object({
  name: z.string(),
  condition: z.enum(['ready', 'held', 'unreadable', 'starting']),
  message: z.string(),
  problems: z.array(
    z.object({
      severity: z.enum(['error', 'note']),
      file: z.string(),
      line: count.optional(),
      column: count.optional(),
      field: z.string().optional(),
      message: z.string(),
      caches: z.array(z.string()).optional(),
    }),
  ),
})
export type SourceView = z.infer<typeof sourceViewSchema>

/** What is to be exported: whole caches, or images by reference. */
export const exportRequestSchema = z.strictObject({
  /** `namespace/name`. */
  caches: z.array(z.string()).default([]),
  images: z.array(z.string()).default([]),
  /** `OS/ARCH[/VARIANT]`; those of the selected nodes if none is named. */
  platforms: z.array(z.string()).default([]),
})
export type ExportRequest = z.infer<typeof exportRequestSchema>

/** `/api/v1/export`: what a bundle of these would hold, and what is not in the mirror yet. */
export const exportViewSchema = z.object({
  platforms: z.array(z.string()),
  /** The caches' lists, as an assignment names them. */
  entries: z.array(
    z.object({
      cache: z.object({ namespace: z.string(), name: z.string(), uid: z.string() }),
      list: count,
      set: digestSchema,
      removal: removalSchema,
      /** As in an assignment. */
      pin: z.boolean().optional(),
    }),
  ),
  /** Sets to be found in the mirror's repository of sets. */
  sets: z.array(digestSchema),
  images: z.array(
    z.object({
      name: z.string(),
      root: descriptorSchema.pick({ mediaType: true, digest: true, size: true }),
      /** Of the mirror. */
      repository: z.string(),
      platforms: z.array(z.string()),
    }),
  ),
  missing: z.array(
    z.object({
      name: z.string(),
      /** `failed` will not mend itself soon; `pending` is under way. */
      state: z.enum(['pending', 'failed']),
      message: z.string(),
    }),
  ),
})
export type ExportView = z.infer<typeof exportViewSchema>

/** The body of a list. */
export function itemsSchema<Item extends z.ZodType>(item: Item): z.ZodObject<{ items: z.ZodArray<Item> }> {
  return z.object({ items: z.array(item) })
}
