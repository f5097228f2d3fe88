import * as z from 'zod'
import { isDigest, type Digest } from './digest.ts'
import { platformSchema } from './platform.ts'

const digestSchema = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), {
  message: 'is not a sha256 or sha512 digest',
})

/** A descriptor as image-spec, descriptor.md, describes it. Unknown fields are dropped: raw bytes keep them. */
export const descriptorSchema = z.object({
  mediaType: z.string().min(1).max(255),
  digest: digestSchema,
  size: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  urls: z.array(z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  artifactType: z.string().optional(),
  platform: platformSchema.optional(),
})

/** Which bytes, how many, and what they are: the coin everything is paid in. `size` is in bytes as stored and sent. */
export type Descriptor = z.infer<typeof descriptorSchema>

export { digestSchema }
