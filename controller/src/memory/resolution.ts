import { faultReportSchema } from '@stowage/mirror/edge/report'
import { descriptorSchema } from '@stowage/mirror/oci/descriptor'
import { formatPlatform, parsePlatform, type Platform } from '@stowage/mirror/oci/platform'
import * as z from 'zod'

const rootSchema = descriptorSchema.pick({ mediaType: true, digest: true, size: true })
const time = z.number()

/** Stands for every platform: an image without an index is the same for all. */
const everyPlatform = '*'

const mirroredSchema = z.object({
  root: rootSchema,
  /** Platforms whose content is completely in the mirror, with the bytes of its blobs; null where the image has nothing for one. */
  platforms: z.array(z.object({ platform: z.string(), bytes: z.number().int().min(0).nullable() })),
})

const resolveFaultSchema = z.object({
  code: faultReportSchema.shape.code,
  message: z.string(),
  attempts: z.number().int().min(1),
  at: time,
  retryAt: time,
})

/** What the centre knows of one normalised reference. Times are epoch milliseconds. */
export const resolutionSchema = z.object({
  version: z.literal(1),
  /** What the reference meant upstream when it was last looked up. */
  target: rootSchema.nullable(),
  /** When that was; null if it never succeeded. */
  checkedAt: time.nullable(),
  /** The version that the mirror holds and nodes get; it lags behind `target` while that is being copied. */
  mirrored: mirroredSchema.nullable(),
  /** Why the latest try failed; stays until one succeeds. */
  fault: resolveFaultSchema.nullable(),
})
export type Resolution = z.infer<typeof resolutionSchema>
export type Mirrored = z.infer<typeof mirroredSchema>
export type ResolveFault = z.infer<typeof resolveFaultSchema>

/** By image name. */
export type Resolutions = ReadonlyMap<string, Resolution>

export const unresolved: Resolution = { version: 1, target: null, checkedAt: null, mirrored: null, fault: null }

/** The bytes of an image's blobs for a platform; `absent` if it has nothing for it, undefined if that is not mirrored (yet). */
export function mirroredBytes(mirrored: Mirrored | null, platform: Platform): number | 'absent' | undefined {
  const text = formatPlatform(platform)
  const found = mirrored?.platforms.find((entry) => entry.platform === text || entry.platform === everyPlatform)
  return found && (found.bytes ?? 'absent')
}

/** Platforms that the mirror has something for; none for an image that is the same for all. */
export function mirroredPlatforms(mirrored: Mirrored | null): Platform[] {
  const named = mirrored?.platforms.filter(({ platform, bytes }) => platform !== everyPlatform && bytes !== null) ?? []
  return named.map(({ platform }) => parsePlatform(platform))
}

/** A record of one image that is the same on every platform. */
export function mirroredForAll(root: Mirrored['root'], bytes: number): Mirrored {
  return { root, platforms: [{ platform: everyPlatform, bytes }] }
}

/** Whether the mirror holds what the reference meant when it was last looked up. */
export function isCurrent({ target, mirrored }: Resolution): boolean {
  return mirrored !== null && mirrored.root.digest === target?.digest
}
