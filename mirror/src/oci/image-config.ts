import * as z from 'zod'
import { digestSchema } from './descriptor.ts'
import { checkDigest, digestOf, type Digest } from './digest.ts'
import { Fault } from './fault.ts'
import { mediaTypes } from './media-type.ts'
import type { Platform } from './platform.ts'

/** What a runtime must know of an image's configuration to unpack its layers (image-spec, config.md). */
export interface ImageConfig {
  /** The bytes as they were pushed. */
  readonly raw: Uint8Array
  readonly digest: Digest
  /** What the image runs on; undefined if it does not say. */
  readonly platform: Platform | undefined
  /** Digests of the uncompressed layers, the lowest first. */
  readonly diffIds: readonly Digest[]
}

const schema = z.object({
  os: z.string().nullish(),
  architecture: z.string().nullish(),
  variant: z.string().nullish(),
  rootfs: z.object({ diff_ids: z.array(digestSchema).nullish() }).nullish(),
})

/** Whether a blob of this type is the configuration of a container image: artifacts have others, or none. */
export function isImageConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.config || mediaType === mediaTypes.dockerConfig
}

/**
 * Reads the configuration of an image and keeps its bytes.
 * @throws Fault invalid | corrupt (the digest is not the promised one)
 */
export function parseImageConfig(raw: Uint8Array, digest: Digest = digestOf(raw)): ImageConfig {
  checkDigest(raw, digest, 'image configuration')
  const { os, architecture, variant, rootfs } = fieldsOf(raw, digest)
  const platform = os && architecture ? { os, architecture, ...(variant ? { variant } : {}) } : undefined
  return { raw, digest, platform, diffIds: rootfs?.diff_ids ?? [] }
}

function fieldsOf(raw: Uint8Array, digest: Digest): z.infer<typeof schema> {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw))
  } catch (cause) {
    throw new Fault('invalid', `image configuration ${digest}: it is not JSON`, { cause })
  }
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new Fault('invalid', `image configuration ${digest}: ${issue?.path.join('.')}: ${issue?.message}`)
}
