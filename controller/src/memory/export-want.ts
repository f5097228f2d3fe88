import * as z from 'zod'

/** A reference that somebody wants to carry on a disk, for platforms that no selected node need have. */
export const exportWantSchema = z.object({
  version: z.literal(1),
  platforms: z.array(z.object({ platform: z.string(), /** Epoch milliseconds. */ until: z.number() })),
})
export type ExportWant = z.infer<typeof exportWantSchema>

/** How long a wish to export is remembered after it was last uttered, in milliseconds. */
export const exportWantMs: number = 24 * 60 * 60 * 1000
