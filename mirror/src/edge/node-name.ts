import * as z from 'zod'
import { Fault } from '../oci/fault.ts'

/** A node's name as Kubernetes has it: a DNS subdomain (RFC 1123), at most 253 characters. Safe in paths and URLs. */
export const nodeNameSchema: z.ZodString = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, {
    message: 'is not a node name: lower-case letters, digits, "-" and "." (RFC 1123), at most 253 characters',
  })

/**
 * Reads the name of a node.
 * @throws Fault invalid
 */
export function parseNodeName(text: string): string {
  const result = nodeNameSchema.safeParse(text)
  if (result.success) return result.data
  throw new Fault('invalid', `"${text.slice(0, 300)}" ${result.error.issues[0]?.message}`)
}
