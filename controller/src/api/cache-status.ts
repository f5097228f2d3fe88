import * as z from 'zod'

/** `status.status`: kube-fledged's words, and one of ours for what only time can mend. */
export const cachePhaseSchema = z.enum([
  'Processing',
  'Succeeded',
  'Failed',
  'NoImagesPulledOrDeleted',
  'AwaitingOfflineNodes',
])
export type CachePhase = z.infer<typeof cachePhaseSchema>

/** `status.reason`: the operation that is going on or was the last one. */
export const cacheOperationSchema = z.enum([
  'ImageCacheCreate',
  'ImageCacheUpdate',
  'ImageCacheRefresh',
  'ImageCachePurge',
])
export type CacheOperation = z.infer<typeof cacheOperationSchema>

const count = z.number().int().min(0)

export const conditionSchema = z.object({
  type: z.enum(['Accepted', 'Resolved', 'Synced', 'AgentsPresent', 'Suspended']),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  lastTransitionTime: z.string(),
})
export type Condition = z.infer<typeof conditionSchema>

const failureSchema = z.object({
  node: z.string().describe("The node's label kubernetes.io/hostname, or its name."),
  reason: z.string(),
  message: z.string(),
})
export type Failure = z.infer<typeof failureSchema>

/** `status` of an ImageCache: kube-fledged's fields with its very strings (its "succesfully" too), and more of ours. */
export const cacheStatusSchema = z.object({
  status: cachePhaseSchema.describe('Where the operation stands.'),
  reason: cacheOperationSchema.describe('The operation that is going on or was the last one.'),
  message: z.string(),
  startTime: z.iso.datetime().describe('When the operation began.'),
  completionTime: z.iso.datetime().optional().describe('When it was done.'),
  failures: z
    .record(z.string(), z.array(failureSchema))
    .optional()
    .describe('By image as the list has it; at most 50 nodes each: counts has the true numbers.'),
  failedNodes: z
    .record(z.string(), count)
    .optional()
    .describe('By image: on how many nodes it failed, where failures names only some of them.'),
  observedGeneration: count.describe('The generation of the spec that this status speaks of.'),
  counts: z
    .object({
      images: count,
      nodes: z.object({ matched: count, reachable: count, withoutAgent: count, complete: count, failed: count }),
      copies: z.object({
        wanted: count,
        present: count,
        fetching: count,
        waiting: count,
        awaitingWindow: count
          .optional()
          .describe('Those that wait until spec.transfer.windows lets them come; none if absent.'),
        failed: count,
      }),
    })
    .describe('How many images and selected nodes there are, and copies: one image on one node is one copy.'),
  bytes: z
    .object({ wanted: count, present: count, unknown: count })
    .describe("Bytes of the images' blobs, summed over copies; unknown is how many copies have no known size yet."),
  conditions: z.array(conditionSchema),
})
export type CacheStatus = z.infer<typeof cacheStatusSchema>

/** kube-fledged's messages, letter by letter. */
export const statusMessages = {
  processing: {
    ImageCacheCreate: 'Images are being pulled on to the nodes. Please view the status after some time',
    ImageCacheUpdate: 'Image cache is being updated. Please view the status after some time',
    ImageCacheRefresh: 'Image cache is being refreshed. Please view the status after some time',
    ImageCachePurge: 'Image cache is being purged. Please view the status after some time',
  },
  pulled: 'All requested images pulled succesfully to respective nodes',
  deleted: 'All cached images succesfully deleted from respective nodes',
  pullFailed: 'Image pull failed for some images. Please see "failures" section',
  noNodes: 'No images were pulled or deleted because nodeSelector specified did not match any nodes',
} as const satisfies {
  readonly processing: Readonly<Record<CacheOperation, string>>
  readonly [message: string]: string | Readonly<Record<CacheOperation, string>>
}
