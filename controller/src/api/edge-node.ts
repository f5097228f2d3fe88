import { nodeNameSchema } from '@stowage/mirror/edge/node-name'
import * as z from 'zod'
import { objectMetaSchema } from './object-meta.ts'

export const edgeNodeApiVersion = 'stowage.dev/v1alpha1'

/** `stowage.dev/v1alpha1 EdgeNode`: what administrators say of a node that runs (or is to run) an agent. Cluster-scoped. */
export const edgeNodeSchema = z
  .strictObject({
    apiVersion: z.literal(edgeNodeApiVersion),
    kind: z.literal('EdgeNode'),
    metadata: objectMetaSchema.extend({ name: nodeNameSchema }),
    spec: z.strictObject({}).nullish(),
    status: z.unknown().optional(),
  })
  .describe('A node that runs an agent of Stowage, or is to run one. Its labels belong to administrators.')
export type EdgeNodeObject = z.infer<typeof edgeNodeSchema>

/** `status` of an EdgeNode: written when one of its words changes, not with every byte. */
export const edgeNodeStatusSchema = z.object({
  link: z
    .enum(['Online', 'Offline', 'NeverSeen'])
    .describe('Offline: it has not been heard of within the time that it promised.'),
  synced: z
    .enum(['True', 'False', 'Unknown'])
    .describe('Whether it has all images that it is to have, by its last word. Unknown if it was never heard of.'),
  phase: z
    .enum(['Declared', 'Syncing', 'Failing', 'Synced'])
    .describe(
      'Failing: an image met an error on the node that does not pass by itself. Declared: no agent has spoken yet.',
    ),
  lastChange: z.iso.datetime().describe('When one of these three changed last.'),
  version: z.string().optional().describe('Version of its agent.'),
  runtime: z.string().optional().describe('Where its images live.'),
  platform: z.string().optional().describe('What runs on it, as OS/ARCH[/VARIANT].'),
  message: z.string().describe('What people should know of it.'),
})
export type EdgeNodeStatus = z.infer<typeof edgeNodeStatusSchema>

export interface EdgeNode {
  readonly name: string
  /** These win over the labels that the node's agent proposes. */
  readonly labels: Readonly<Record<string, string>>
}

/** Fills in the defaults of a checked object. */
export function toEdgeNode({ metadata }: EdgeNodeObject): EdgeNode {
  return { name: metadata.name, labels: metadata.labels ?? {} }
}
