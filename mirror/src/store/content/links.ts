import * as z from 'zod'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { ObjectStore } from '../object-store.ts'
import { isManifestType } from '../../oci/media-type.ts'
import { readObject } from '../read-object.ts'
import { linkKey } from './content-keys.ts'

const linkSchema = z.object({ mediaType: z.string(), size: z.number().int().nonnegative() })

/** What one repository contains, as blobs that are shared by all. */
export interface Links {
  get(digest: Digest): Promise<Descriptor | undefined>
  /** Adds a link; one that calls the bytes a manifest is never turned back into one of a plain blob. */
  put(descriptor: Descriptor): Promise<void>
  delete(digest: Digest): Promise<boolean>
}

export function createLinks(objects: ObjectStore, repository: string): Links {
  return {
    async get(digest) {
      const object = await readObject(objects, linkKey(repository, digest))
      return object && parseLink(object.bytes, digest)
    },

    async put({ mediaType, digest, size }) {
      const key = linkKey(repository, digest)
      const bytes = Buffer.from(JSON.stringify({ mediaType, size }))
      for (;;) {
        const object = await readObject(objects, key)
        const old = object && parseLink(object.bytes, digest)
        if (old && (old.mediaType === mediaType || !isManifestType(mediaType))) return
        const stored = object
          ? await objects.putIfMatch(key, object.info.etag, bytes)
          : await objects.putIfAbsent(key, bytes)
        if (stored) return
      }
    },

    delete: (digest) => objects.delete(linkKey(repository, digest)),
  }
}

/** A link that cannot be read counts as none: what it stood for is fetched or pushed again, and that mends it. */
function parseLink(bytes: Buffer, digest: Digest): Descriptor | undefined {
  try {
    return { ...linkSchema.parse(JSON.parse(bytes.toString())), digest }
  } catch {
    return undefined
  }
}
