import * as z from 'zod'
import { digestSchema } from '../oci/descriptor.ts'
import { Fault } from '../oci/fault.ts'
import { platformSchema } from '../oci/platform.ts'
import { nodeNameSchema } from './node-name.ts'

/**
 * Where one wanted image stands on a node:
 * `waiting` (nothing is done for it now; `fault` says why if it failed), `fetching`, `publishing` (unpacked and named),
 * `present` (all of it is there, synced to disk, under its name), `removing` (not to be counted on any more),
 * `in-use` (to be removed, but a container runs from it).
 */
export const imageStateSchema = z.enum(['waiting', 'fetching', 'publishing', 'present', 'removing', 'in-use'])
export type ImageState = z.infer<typeof imageStateSchema>

const bytes = z.number().int().min(0)

export const faultReportSchema = z.object({
  code: z.enum(['invalid', 'not-found', 'denied', 'unavailable', 'corrupt', 'no-space', 'conflict']),
  message: z.string().max(1000),
  attempts: z.number().int().min(1),
  /** Milliseconds until the next try, counted from the report. */
  retryInMs: z.number().min(0),
})
export type FaultReport = z.infer<typeof faultReportSchema>

const imageReportSchema = z.object({
  name: z.string(),
  /** The root digest that this line speaks of. */
  digest: digestSchema,
  state: imageStateSchema,
  /** Bytes of its blobs that lie on the node's disk, complete or in part. */
  bytesHere: bytes,
  /** Bytes of all its blobs; null while its manifests are not known yet. */
  bytesTotal: bytes.nullable(),
  fault: faultReportSchema.optional(),
  /** It waits for a window in which its bytes may come. */
  window: z
    .object({
      /** Milliseconds until it opens, counted from the report; null if the node does not know the time yet. */
      opensInMs: z.number().min(0).nullable(),
    })
    .optional(),
})
export type ImageReport = z.infer<typeof imageReportSchema>

export const reportSchema = z.object({
  version: z.literal(1),
  node: nodeNameSchema,
  /** Made at the agent's first start: tells a clone of the same name from the node. */
  instance: z.uuid(),
  /** Grows with each report of an instance; an older report that arrives late is dropped. */
  counter: z.number().int().min(0),
  agentVersion: z.string(),
  platform: platformSchema,
  labels: z.record(z.string(), z.string()),
  runtime: z.string(),
  /** The assignment that this report speaks of; null before the first one. */
  acknowledged: z.object({ epoch: z.string(), sequence: z.number().int() }).nullable(),
  images: z.array(imageReportSchema),
  /** Received from the centre in the last seconds, in bytes per second. */
  bytesPerSecond: z.number().min(0),
  /** Blob bytes that this instance has received since its first start. */
  bytesReceived: bytes,
  /** A trouble of the node as a whole (disk full, runtime away, assignment unreadable). */
  trouble: z.string().max(1000).optional(),
  /** The node promises to be heard of again within this time; later it is overdue and counted as offline. */
  nextContactInMs: z
    .number()
    .int()
    .min(1)
    .max(366 * 24 * 3600 * 1000),
})

/** What a node says of itself: the only source of any status. */
export type Report = z.infer<typeof reportSchema>

/**
 * Reads a report that came from the network.
 * @throws Fault invalid
 */
export function parseReport(json: unknown): Report {
  const result = reportSchema.safeParse(json)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new Fault('invalid', `report: ${issue?.path.join('.')}: ${issue?.message}`)
}
