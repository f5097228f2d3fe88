import * as z from 'zod'
import { descriptorSchema, digestSchema } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'

const tagObjectSchema = z.object({
  ...descriptorSchema.pick({ mediaType: true, digest: true, size: true }).shape,
  speaksOf: digestSchema.optional(),
  isCondemned: z.literal(true).optional(),
})

/** What is stored of a tag: the manifest that it means, as a descriptor. */
export interface TagObject extends z.infer<typeof tagObjectSchema> {
  /**
   * Whose signature (or attestation, or SBOM) the tag means, where it came with an image: it goes when nothing keeps that. A tag
   * that somebody gave keeps what it means.
   */
  readonly speaksOf?: Digest | undefined
  /**
   * A collection is about to delete what it means. Who gives the tag again writes it without this, and so another version than the one
   * that the collection deletes.
   */
  readonly isCondemned?: true | undefined
}

export function formatTagObject({ mediaType, digest, size, speaksOf, isCondemned }: TagObject): Buffer {
  return Buffer.from(JSON.stringify({ mediaType, digest, size, speaksOf, isCondemned }))
}

/** Nothing, if it cannot be read. */
export function parseTagObject(bytes: Uint8Array): TagObject | undefined {
  try {
    return tagObjectSchema.parse(JSON.parse(Buffer.from(bytes).toString()))
  } catch {
    return undefined
  }
}
