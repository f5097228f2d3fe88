import * as z from 'zod'

const linkSchema = z.object({
  mediaType: z.string(),
  size: z.number().int().nonnegative(),
  condemnedAt: z.number().optional(),
})

/** What is stored of a digest that a repository contains. */
export interface Link {
  readonly mediaType: string
  /** Bytes. */
  readonly size: number
  /** When a collection found nothing that keeps it, epoch milliseconds; absent while something does, or nobody looked. */
  readonly condemnedAt?: number | undefined
}

export function formatLink({ mediaType, size, condemnedAt }: Link): Uint8Array {
  return Buffer.from(JSON.stringify({ mediaType, size, condemnedAt }))
}

/** A link that cannot be read counts as none: what it stood for is fetched or pushed again, and that mends it. */
export function parseLink(bytes: Uint8Array): Link | undefined {
  try {
    return linkSchema.parse(JSON.parse(Buffer.from(bytes).toString()))
  } catch {
    return undefined
  }
}
