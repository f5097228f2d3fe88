import * as z from 'zod'
import { cacheStatusSchema } from './cache-status.ts'

/** `status` of an ImageCache as it stands in a cluster: with what `kubectl get` has no words of its own for. */
export const writtenStatusSchema = cacheStatusSchema.extend({
  summary: z
    .object({
      nodes: z.string().describe('Selected nodes that have everything, and all selected nodes: 98/100.'),
      bytes: z.string().describe('Bytes that are in place, and bytes of all copies.'),
    })
    .describe('Numbers for people.'),
})
export type WrittenStatus = z.infer<typeof writtenStatusSchema>
