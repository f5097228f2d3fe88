import * as z from 'zod'

/** An object of a cluster, as far as all kinds have it in common. */
export const kubeObjectSchema = z.looseObject({
  apiVersion: z.string().optional(),
  kind: z.string().optional(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    uid: z.string(),
    resourceVersion: z.string(),
    generation: z.number().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    finalizers: z.array(z.string()).optional(),
    deletionTimestamp: z.string().optional(),
  }),
})
export type KubeObject = z.infer<typeof kubeObjectSchema>

/** `namespace/name`, or the name of what has no namespace. */
export function objectKey({ metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`
}

/** Whether one version of an object is older than another one. */
export function isOlder(one: KubeObject, other: KubeObject): boolean {
  return isOlderVersion(one.metadata.resourceVersion, other.metadata.resourceVersion)
}

/**
 * Whether one resourceVersion is older than another one of the same kind. They are numbers that grow, although the API called
 * them opaque for long; of others nothing is known.
 */
export function isOlderVersion(one: string, other: string): boolean {
  const areNumbers = /^\d+$/.test(one) && /^\d+$/.test(other)
  return areNumbers && BigInt(one) < BigInt(other)
}
