import * as z from 'zod'

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const strings = z.record(z.string(), z.string()).nullish()

/** The name of an object: a DNS subdomain (RFC 1123), as Kubernetes has it. */
const objectNameSchema: z.ZodString = z.string().max(253).regex(subdomain, {
  message: 'is not an object name: lower-case letters, digits, "-" and "." (RFC 1123), at most 253 characters',
})

/** The name of a namespace: a DNS label (RFC 1123). */
const namespaceSchema: z.ZodString = z.string().max(63).regex(label, {
  message: 'is not a namespace: lower-case letters, digits and "-" (RFC 1123), at most 63 characters',
})

/** `metadata` of an object, with all fields of Kubernetes' ObjectMeta (meta/v1): what a cluster wrote can be put into a file as it is. */
export const objectMetaSchema = z.strictObject({
  name: objectNameSchema,
  namespace: namespaceSchema.nullish(),
  labels: strings,
  annotations: strings,
  uid: z.string().nullish(),
  generation: z.number().nullish(),
  generateName: z.unknown().optional(),
  resourceVersion: z.unknown().optional(),
  creationTimestamp: z.unknown().optional(),
  deletionTimestamp: z.unknown().optional(),
  deletionGracePeriodSeconds: z.unknown().optional(),
  finalizers: z.unknown().optional(),
  ownerReferences: z.unknown().optional(),
  managedFields: z.unknown().optional(),
  selfLink: z.unknown().optional(),
  clusterName: z.unknown().optional(),
})

/** The namespace of an object that names none. */
export const defaultNamespace = 'default'
