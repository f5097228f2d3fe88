import type PQueue from 'p-queue'
import type { FetchOptions } from '../content.ts'
import { mapInQueue } from '../copy/map-in-queue.ts'
import { readManifests } from '../copy/read-image-graph.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { isFault } from '../oci/fault.ts'
import { isImageConfigType } from '../oci/image-config.ts'
import { uniqueBlobsOf, type Manifest } from '../oci/manifest.ts'
import { parseConfigSummary, type ConfigSummary } from './config-summary.ts'
import type { ImagePlace } from './image-place.ts'

/** An image as it was found, with what is not there of it. */
export interface ReadImage {
  readonly root: Manifest
  /** Root and all below it that are there. */
  readonly manifests: ReadonlyMap<Digest, Manifest>
  /** Manifests that are there and cannot be read. */
  readonly damaged: ReadonlySet<Digest>
  /** Blobs that manifests which are there need, and that are not. */
  readonly missing: ReadonlySet<Digest>
  /** By manifest, of those that are there. */
  readonly configs: ReadonlyMap<Digest, ConfigSummary>
}

export interface ReadImageOptions extends FetchOptions {
  readonly repository: string
  /** A tag or a digest. */
  readonly reference: string
  /** Whose configurations are read. */
  readonly configs: 'root' | 'all'
  /** Bounds how much is asked for at a time. */
  readonly queue: PQueue
  /** What was found out of blobs of this repository already; is added to. */
  readonly looked?: Map<Digest, boolean>
}

/** A configuration that is larger is not read for what can be shown of it; bytes. */
const largestConfig = 1024 * 1024

/**
 * Reads an image and looks for all that it needs.
 * @throws Fault as the place does; not-found or corrupt for the root only
 */
export async function readImage(place: ImagePlace, options: ReadImageOptions): Promise<ReadImage> {
  const { repository, reference, queue, signal, looked = new Map<Digest, boolean>() } = options
  const damaged = new Set<Digest>()
  const inQueue = { queue, signal }

  async function readOne({ digest }: Descriptor, until: AbortSignal): Promise<Manifest | undefined> {
    try {
      return await place.source.manifest(repository, digest, { signal: until })
    } catch (error) {
      if (isFault(error, 'corrupt')) damaged.add(digest)
      if (isFault(error, 'corrupt') || isFault(error, 'not-found')) return undefined
      throw error
    }
  }

  async function look(blob: Descriptor, until: AbortSignal): Promise<void> {
    if (looked.has(blob.digest)) return
    looked.set(blob.digest, await place.hasBlob(repository, blob, { signal: until }))
  }

  const root = await place.source.manifest(repository, reference, { signal })
  const what = `${repository}@${root.digest}`
  const manifests = await readManifests({
    root,
    what,
    fetchAll: (children) => mapInQueue(children, readOne, inQueue),
  })
  const blobs = uniqueBlobsOf([...manifests.values()])
  await mapInQueue(blobs, look, inQueue)
  const missing = new Set(blobs.filter(({ digest }) => !looked.get(digest)).map(({ digest }) => digest))
  const wanted = options.configs === 'all' ? [...manifests.values()] : [root]
  const configs = await readConfigs(wanted.filter((manifest) => hasConfig(manifest, missing)))
  return { root, manifests, damaged, missing, configs }

  async function readConfigs(of: readonly Manifest[]): Promise<Map<Digest, ConfigSummary>> {
    const read = async (manifest: Manifest, until: AbortSignal): Promise<[Digest, ConfigSummary | undefined]> => [
      manifest.digest,
      manifest.kind === 'manifest' ? await readConfig(manifest.config, until) : undefined,
    ]
    const found = await mapInQueue(of, read, inQueue)
    return new Map(found.flatMap(([digest, config]) => (config ? [[digest, config] as const] : [])))
  }

  async function readConfig(config: Descriptor, until: AbortSignal): Promise<ConfigSummary | undefined> {
    const bytes = await place.source.blob(repository, config, { signal: until })
    return parseConfigSummary(Buffer.concat(await Array.fromAsync(bytes)))
  }
}

function hasConfig(manifest: Manifest, missing: ReadonlySet<Digest>): boolean {
  if (manifest.kind !== 'manifest') return false
  const { mediaType, digest, size } = manifest.config
  return isImageConfigType(mediaType) && size <= largestConfig && !missing.has(digest)
}
