import { faultReportSchema, reportSchema } from '@stowage/mirror/edge/report'
import { digestSchema } from '@stowage/mirror/oci/descriptor'
import * as z from 'zod'

/** What a node last said, and when. Times are epoch milliseconds of the centre's clock. */
export const nodeRecordSchema = z.object({
  version: z.literal(1),
  report: reportSchema,
  receivedAt: z.number(),
  /** It did not keep its promise while the centre listened, and was not heard of since. */
  isOverdue: z.boolean().default(false),
  /** Images that met a definite error and have not succeeded since: a node that is trying again still counts as failed. */
  failures: z.record(z.string(), z.object({ digest: digestSchema, fault: faultReportSchema })),
})
export type NodeRecord = z.infer<typeof nodeRecordSchema>
