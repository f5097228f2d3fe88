import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import type { ObjectStore } from '../object-store.ts'
import type { Links } from './links.ts'
import { artifactTypeOf, descriptorOf } from '../../oci/manifest.ts'
import { referrerKey, referrersPrefix } from './content-keys.ts'
import { listDescriptors, putBytes } from './descriptor-object.ts'

/** Which manifests of one repository speak of which other: signatures, SBOMs, attestations (distribution-spec, "Listing Referrers"). */
export interface Referrers {
  list(subject: Digest): Promise<Descriptor[]>
  /** Notes a manifest under its subject, if it has one. */
  put(manifest: Manifest): Promise<void>
  delete(manifest: Manifest): Promise<void>
}

export function createReferrers(objects: ObjectStore, repository: string, links: Links): Referrers {
  return {
    async list(subject) {
      const found = await listDescriptors(objects, referrersPrefix(repository, subject))
      const linked: Descriptor[] = []
      for (const { descriptor } of found) if (await links.get(descriptor.digest)) linked.push(descriptor)
      return linked
    },

    async put(manifest) {
      if (!manifest.subject) return
      const { artifactType = artifactTypeOf(manifest), annotations } = manifest
      const descriptor = {
        ...descriptorOf(manifest),
        ...(artifactType === undefined ? {} : { artifactType }),
        ...(annotations === undefined ? {} : { annotations }),
      }
      const key = referrerKey(repository, manifest.subject.digest, manifest.digest)
      // A collection that saw it without a manifest deletes that version only.
      await putBytes(objects, key, Buffer.from(JSON.stringify(descriptor)), { isRewritten: true })
    },

    async delete({ subject, digest }) {
      if (subject) await objects.delete(referrerKey(repository, subject.digest, digest))
    },
  }
}
