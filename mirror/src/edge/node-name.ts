import * as z from 'zod'

/** A node's name as Kubernetes has it: a DNS subdomain (RFC 1123), at most 253 characters. Safe in paths and URLs. */
export const nodeNameSchema: z.ZodString = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, {
    message: 'is not a node name: lower-case letters, digits, "-" and "." (RFC 1123), at most 253 characters',
  })
