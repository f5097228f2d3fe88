import type { ContentSource, FetchOptions } from '@stowage/mirror/content'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { verified } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { isImageConfigType, parseImageConfig } from '@stowage/mirror/oci/image-config'
import { maxManifestSize } from '@stowage/mirror/oci/manifest'
import { isIndexType } from '@stowage/mirror/oci/media-type'
import { formatPlatform, platformDistance, type Platform } from '@stowage/mirror/oci/platform'

export interface CheckPlatformOptions extends FetchOptions {
  readonly repository: string
  /** What the image is. */
  readonly root: Descriptor
  /** Each would do. */
  readonly wanted: readonly Platform[]
  /** For messages. */
  readonly what: string
}

/**
 * Looks into the configuration of an image that is in no index for what it runs on: copying takes such an image whatever platform
 * is wanted, and somebody who named one means it. What does not say what it runs on, as artifacts, passes.
 * @throws Fault not-found if it runs on none of the wanted ones; as the source does
 */
export async function checkPlatform(
  source: ContentSource,
  { repository, root, wanted, what, signal }: CheckPlatformOptions,
): Promise<void> {
  if (isIndexType(root.mediaType)) return
  const manifest = await source.manifest(repository, root.digest, { signal })
  if (manifest.kind !== 'manifest') return
  const { config } = manifest
  if (!isImageConfigType(config.mediaType) || config.size > maxManifestSize) return
  const bytes = verified(await source.blob(repository, config, { signal }), config)
  const { platform } = parseImageConfig(Buffer.concat(await Array.fromAsync(bytes)), config.digest)
  if (!platform || wanted.some((machine) => platformDistance(machine, platform) !== undefined)) return
  const wantedOnes = wanted.map(formatPlatform).join(', ')
  throw new Fault('not-found', `${what}: it is for ${formatPlatform(platform)}; none of ${wantedOnes} is to be had`)
}
