import * as z from 'zod'

/** A reference that somebody wants to carry on a disk, for platforms that no selected node need have. */
export const exportWantSchema = z.object({
  version: z.literal(1),
  /** When somebody began to ask, epoch milliseconds: faults from before are tried again, not told again. */
  askedAt: z.number(),
  platforms: z.array(z.object({ platform: z.string(), /** Epoch milliseconds. */ until: z.number() })),
})
export type ExportWant = z.infer<typeof exportWantSchema>

export type ExportWants = ReadonlyMap<string, ExportWant>

/** Who asks again within this time, in milliseconds, is still asking the same. */
export const sameAskingMs: number = 15_000

/** How long a wish to export is remembered after it was last uttered, in milliseconds. */
export const exportWantMs: number = 24 * 60 * 60 * 1000
