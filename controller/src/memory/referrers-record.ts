import { digestSchema } from '@stowage/mirror/oci/descriptor'
import * as z from 'zod'
import type { Mirrored } from './resolution.ts'

/** When signatures, and what else speaks of a mirrored image, were looked for and brought last. */
export const referrersRecordSchema = z.object({
  version: z.literal(1),
  root: digestSchema,
  /** For which the image was mirrored then. */
  platforms: z.array(z.string()),
  /** Epoch milliseconds. */
  at: z.number(),
})
export type ReferrersRecord = z.infer<typeof referrersRecordSchema>

export function referrersRecord({ root, platforms }: Mirrored, at: number): ReferrersRecord {
  return { version: 1, root: root.digest, platforms: platforms.map(({ platform }) => platform), at }
}
