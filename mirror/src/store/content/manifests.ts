import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import type { ObjectStore } from '../object-store.ts'
import { algorithmOf, digestOf } from '../../oci/digest.ts'
import { Fault, isFault } from '../../oci/fault.ts'
import { maxManifestSize, parseManifest } from '../../oci/manifest.ts'
import { isUnreadable } from '../is-unreadable.ts'
import { readWhatThereIs } from '../read-object.ts'
import { createRecentlyUsed } from '../recently-used.ts'
import type { Integrity } from '../scrub/integrity.ts'
import { blobKey } from './content-keys.ts'

/** Bytes of manifests. They are checked when they are read: they are small, and everything below hangs on them. */
export interface Manifests {
  /** @throws Fault corrupt: the bytes in the store are damaged; it does not have them any more, unless the disk fails to give them */
  read(digest: Digest, mediaType: string): Promise<Manifest | undefined>
  /** Whether the bytes are there and are the right ones. */
  has(digest: Digest): Promise<boolean>
  /** Stores the bytes; damaged ones under the same digest are replaced. */
  put(manifest: Pick<Manifest, 'digest' | 'raw'>): Promise<void>
}

/** Bytes of manifests that are kept in parsed form; that takes a multiple of their size. */
const rememberedSize = 4 * 1024 * 1024

export function createManifests(objects: ObjectStore, integrity: Pick<Integrity, 'check'>): Manifests {
  // Bytes that had their digest once are right for ever; links and tags, which change, are not remembered here.
  const parsed = createRecentlyUsed<Manifest>(rememberedSize)
  const read = (digest: Digest) => readWhatThereIs(objects, blobKey(digest), { length: maxManifestSize + 1 })

  async function takeAway(digest: Digest): Promise<void> {
    try {
      await integrity.check(digest)
    } catch (error) {
      // It stays where it is until somebody brings it again.
      if (!isUnreadable(error)) throw error
    }
  }

  return {
    async read(digest, mediaType) {
      const known = parsed.get(`${mediaType} ${digest}`)
      if (known) return known
      const object = await read(digest)
      if (!object) return undefined
      try {
        const manifest = parseManifest(object.bytes, { mediaType, digest })
        parsed.set(`${mediaType} ${digest}`, manifest, object.bytes.length)
        return manifest
      } catch (cause) {
        if (isFault(cause, 'corrupt')) await takeAway(digest)
        const message = `manifest ${digest} in the store is damaged; push it or copy it again to mend it`
        throw new Fault('corrupt', message, { cause })
      }
    },

    async has(digest) {
      const object = await read(digest)
      return object !== undefined && isIntact(object.bytes, digest)
    },

    async put({ digest, raw }) {
      const key = blobKey(digest)
      for (;;) {
        if (await objects.putIfAbsent(key, raw)) return
        const old = await read(digest)
        if (!old) continue
        if (isIntact(old.bytes, digest) || (await objects.putIfMatch(key, old.info.etag, raw))) return
      }
    },
  }
}

function isIntact(bytes: Uint8Array, digest: Digest): boolean {
  return digestOf(bytes, algorithmOf(digest)) === digest
}
