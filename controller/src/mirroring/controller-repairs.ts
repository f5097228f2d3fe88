import { copyBlob } from '@stowage/mirror/copy/copy-blob'
import { isManifestType } from '@stowage/mirror/oci/media-type'
import { mirrorRepositoryOf, parseReference, type Reference } from '@stowage/mirror/oci/reference'
import type { ContentStore } from '@stowage/mirror/store/content-store'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { RepairSource } from '@stowage/mirror/store/scrub/repair-source'
import { memoryPrefixes } from '../memory/centre-memory.ts'
import { readRemembered } from '../memory/remembered.ts'
import { resolutionSchema } from '../memory/resolution.ts'
import type { UpstreamFor } from './upstream.ts'

export interface ControllerRepairsOptions {
  readonly objects: ObjectStore
  readonly content: ContentStore
  readonly upstreamFor: UpstreamFor
}

/**
 * Copies what was lost again from the registry that a controller copied it from: with the credentials of the machine, as pull
 * secrets belong to the caches that name them.
 */
export function controllerRepairs({ objects, content, upstreamFor }: ControllerRepairsOptions): RepairSource {
  /** Of what lies in a repository only the names say from which registry it came. */
  async function referenceIn(repository: string): Promise<Reference | undefined> {
    const resolutions = { prefix: memoryPrefixes.resolutions, schema: resolutionSchema }
    for await (const { name } of readRemembered(objects, resolutions)) {
      const reference = parseReference(name)
      if (mirrorRepositoryOf(reference) === repository) return reference
    }
    return undefined
  }

  return {
    async bring({ repository, content: lost }, { signal } = {}) {
      const reference = await referenceIn(repository)
      if (!reference) return false
      const source = upstreamFor(reference.registry, [])
      const sourceRepository = reference.repository
      const sink = content.repository(repository)
      if (isManifestType(lost.mediaType)) {
        await sink.putManifest(await source.manifest(sourceRepository, lost.digest, { signal }))
      } else {
        await copyBlob(lost, { source, sourceRepository, sink, onDone: () => undefined, signal })
      }
      return true
    },
  }
}
