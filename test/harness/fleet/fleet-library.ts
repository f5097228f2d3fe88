import type { ContentSource } from '@stowage/mirror/content'
import { parseSet, setRepository, type DesiredImage } from '@stowage/mirror/edge/set'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { Platform } from '@stowage/mirror/oci/platform'
import { mirrorRepositoryOf, parseReference } from '@stowage/mirror/oci/reference'
import { loadImageGraph } from '@stowage/node-agent/image-graph'
import type { ImageGraph } from '@stowage/node-agent/runtime/runtime'
import type { FleetLibrary } from './pretended-images.ts'

export interface FleetLibraryOptions {
  readonly source: Pick<ContentSource, 'manifest'>
  readonly platform: Platform
  /** Names of images that no node can bring in. */
  readonly broken: ReadonlySet<string>
}

/** Reads from a centre what simulated nodes are to have. */
export function createFleetLibrary({ source, platform, broken }: FleetLibraryOptions): FleetLibrary {
  const graphs = new Map<Digest, Promise<ImageGraph>>()

  function load({ name, root }: DesiredImage, signal: AbortSignal): Promise<ImageGraph> {
    const repository = mirrorRepositoryOf(parseReference(name))
    return loadImageGraph(root, { platform, read: ({ digest }) => source.manifest(repository, digest, { signal }) })
  }

  return {
    isBroken: (name) => broken.has(name),
    async set(digest, signal) {
      const { raw } = await source.manifest(setRepository, digest, { signal })
      return parseSet(raw, { digest })
    },
    graph(image, signal) {
      const { digest } = image.root
      const known = graphs.get(digest) ?? load(image, signal)
      graphs.set(digest, known)
      known.catch(() => graphs.delete(digest))
      return known
    },
  }
}
