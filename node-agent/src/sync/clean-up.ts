import type { Logger } from 'pino'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { Removals } from '../plan/removal.ts'
import type { GoingImage } from '../plan/report-of.ts'
import type { ImageGraph, Runtime, RuntimeImage } from '../runtime/runtime.ts'
import type { Wishes } from '../state/wishes.ts'
import type { PartStore } from '../transfer/part-store.ts'

export interface CleanUpOptions {
  readonly runtime: Runtime
  readonly wishes: Wishes
  readonly parts: PartStore
  readonly log: Logger
}

/** What is to go, in words for the report: said before anything is touched. */
export function goingImages(
  { remove, removeLater }: Removals,
  listed: ReadonlyMap<string, RuntimeImage>,
): GoingImage[] {
  return [...remove, ...removeLater].flatMap((name) => {
    const image = listed.get(name)
    return image ? [{ name, digest: image.digest, state: 'removing' as const }] : []
  })
}

/**
 * Takes names away, or our marks off them. May be cut short anywhere: what was not done is found again.
 * Resolves with the names that a container keeps.
 */
export async function carryOut(
  { remove, forget }: Pick<Removals, 'remove' | 'forget'>,
  options: CleanUpOptions,
): Promise<Set<string>> {
  const { runtime, wishes, log } = options
  const inUse = new Set<string>()
  for (const name of remove) {
    const outcome = await runtime.remove(name)
    if (outcome === 'in-use') inUse.add(name)
    else wishes.drop(name)
    if (outcome !== 'absent') log.info({ reference: name, outcome }, 'image taken away')
  }
  for (const name of forget) {
    await runtime.forget(name)
    wishes.drop(name)
    log.info({ reference: name }, 'image left behind')
  }
  return inUse
}

/**
 * Drops content that nothing wanted needs: behind names that went or moved, of half images, and half-fetched.
 * @param incomplete the images that still need their half-fetched blobs; undefined if that is not known of all
 */
export async function collectGarbage(
  wanted: ReadonlySet<Digest>,
  incomplete: readonly ImageGraph[] | undefined,
  { runtime, parts }: CleanUpOptions,
): Promise<void> {
  await runtime.collect(wanted)
  if (!incomplete) return
  await parts.retain(new Set(incomplete.flatMap(({ blobs }) => blobs.map(({ digest }) => digest))))
}
