import { nodeNameSchema } from '@stowage/mirror/edge/node-name'
import * as z from 'zod'
import { objectMetaSchema } from './object-meta.ts'

export const edgeNodeApiVersion = 'stowage.dev/v1alpha1'

/** `stowage.dev/v1alpha1 EdgeNode`: what administrators say of a node that runs (or is to run) an agent. Cluster-scoped. */
export const edgeNodeSchema = z.strictObject({
  apiVersion: z.literal(edgeNodeApiVersion),
  kind: z.literal('EdgeNode'),
  metadata: objectMetaSchema.extend({ name: nodeNameSchema }),
  spec: z.strictObject({}).nullish(),
  status: z.unknown().optional(),
})
export type EdgeNodeObject = z.infer<typeof edgeNodeSchema>

export interface EdgeNode {
  readonly name: string
  /** These win over the labels that the node's agent proposes. */
  readonly labels: Readonly<Record<string, string>>
}

/** Fills in the defaults of a checked object. */
export function toEdgeNode({ metadata }: EdgeNodeObject): EdgeNode {
  return { name: metadata.name, labels: metadata.labels ?? {} }
}
