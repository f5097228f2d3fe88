import * as z from 'zod'
import { assignmentSchema } from '../edge/assignment.ts'
import { Fault } from '../oci/fault.ts'

/** Where a bundle keeps what is Stowage's own, beside the OCI layout; other files in it are carried along as they are. */
export const bundleFilesDirectory = 'stowage/'

/** What a bundle says of itself. */
export const bundleDocumentPath = `${bundleFilesDirectory}bundle.json`

export const bundleDocumentSchema = z.object({
  version: z.literal(1, { message: 'was written by a newer Stowage; upgrade this one' }),
  /** The sets inside and the caches they belong to; their documents are blobs of the layout. */
  entries: assignmentSchema.shape.entries,
  /** Platforms that every image inside is complete for. */
  platforms: z.array(z.string()),
})

/** What a bundle says of itself. */
export type BundleDocument = z.infer<typeof bundleDocumentSchema>

/**
 * Reads the document of a bundle.
 * @throws Fault invalid
 */
export function parseBundleDocument(text: string): BundleDocument {
  const result = bundleDocumentSchema.safeParse(parseJson(text))
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new Fault('invalid', `bundle: ${bundleDocumentPath}: ${issue?.path.join('.')}: ${issue?.message}`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Fault('invalid', `bundle: ${bundleDocumentPath} is not JSON`, { cause })
  }
}
