import * as z from 'zod'
import { kubeObjectSchema } from '../kube-object.ts'

/** A Lease of `coordination.k8s.io/v1`, as far as an election reads it. */
export const leaseSchema = kubeObjectSchema.extend({
  spec: z
    .looseObject({
      /** Nobody if it is absent or empty. */
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.number().positive().nullish(),
      acquireTime: z.string().nullish(),
      renewTime: z.string().nullish(),
      /** How often it went from one holder to another. */
      leaseTransitions: z.number().nullish(),
    })
    .default({}),
})
export type Lease = z.infer<typeof leaseSchema>

/** Where who holds a Lease is reached by the others: `HOST:PORT`. */
export const addressAnnotation = 'stowage.dev/address'

/** Who holds a Lease; undefined if nobody does. */
export function holderOf({ spec }: Lease): string | undefined {
  return spec.holderIdentity || undefined
}

/** A time as Leases have it (MicroTime), from epoch milliseconds. */
export function microTime(at: number): string {
  return new Date(at).toISOString().replace('Z', '000Z')
}
