import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { ObjectInfo, ObjectStore } from '../object-store.ts'
import { isManifestType } from '../../oci/media-type.ts'
import { readWhatThereIs } from '../read-object.ts'
import { listWithBytes } from '../list-with-bytes.ts'
import { digestOfLinkKey, linkKey, linkPrefix } from './content-keys.ts'
import { formatLink, parseLink, type Link } from './link.ts'

/** What one repository contains, as blobs that are shared by all. */
export interface Links {
  get(digest: Digest): Promise<Descriptor | undefined>
  /** As `get`, for who builds on it: from now on no collection takes it away before the grace is over. */
  revive(digest: Digest): Promise<RevivedLink | undefined>
  /**
   * Adds a link, and revives one; one that calls the bytes a manifest is never turned back into one of a plain blob. Resolves
   * with the etag of a link that is new.
   */
  put(descriptor: Descriptor): Promise<string | undefined>
  /** Makes a link look new: what loses its last tag is kept for a while from then on. */
  touch(digest: Digest): Promise<void>
  /** Marks it as a collection does what nothing keeps, at this time, epoch milliseconds; one that is marked keeps its time. */
  condemn(digest: Digest, at: number): Promise<void>
  delete(digest: Digest, etag?: string): Promise<boolean>
  /** All that can be read, ordered by digest. */
  list(): AsyncIterable<Descriptor>
}

/** Links are smaller. */
const bringUpTo = 1024

export interface RevivedLink {
  readonly descriptor: Descriptor
  /** Whether it was condemned until now. */
  readonly wasCondemned: boolean
}

export function createLinks(objects: ObjectStore, repository: string): Links {
  async function look(digest: Digest): Promise<{ info: ObjectInfo; link: Link | undefined } | undefined> {
    const object = await readWhatThereIs(objects, linkKey(repository, digest))
    return object && { info: object.info, link: parseLink(object.bytes) }
  }

  const write = ({ key, etag }: ObjectInfo, link: Link): Promise<ObjectInfo | undefined> =>
    objects.putIfMatch(key, etag, formatLink(link))

  return {
    async get(digest) {
      const link = (await look(digest))?.link
      return link && descriptorOf(link, digest)
    },

    async revive(digest) {
      for (;;) {
        const found = await look(digest)
        if (!found?.link) return undefined
        const { mediaType, size, condemnedAt } = found.link
        const wasCondemned = condemnedAt !== undefined
        if (!wasCondemned || (await write(found.info, { mediaType, size }))) {
          return { descriptor: { mediaType, digest, size }, wasCondemned }
        }
      }
    },

    async put({ mediaType, digest, size }) {
      for (;;) {
        const found = await look(digest)
        if (!found) {
          const created = await objects.putIfAbsent(linkKey(repository, digest), formatLink({ mediaType, size }))
          if (created) return created.etag
          continue
        }
        const link = found.link && isKept(found.link, mediaType) ? found.link : { mediaType, size }
        if (link === found.link && link.condemnedAt === undefined) return undefined
        if (await write(found.info, { mediaType: link.mediaType, size: link.size })) return undefined
      }
    },

    async touch(digest) {
      const found = await look(digest)
      // Whoever was faster made it new, too.
      if (found?.link) await write(found.info, { mediaType: found.link.mediaType, size: found.link.size })
    },

    async condemn(digest, at) {
      const found = await look(digest)
      if (found?.link && found.link.condemnedAt === undefined)
        await write(found.info, { ...found.link, condemnedAt: at })
    },

    delete: (digest, etag) => objects.delete(linkKey(repository, digest), etag),

    async *list() {
      for await (const { info, bytes } of listWithBytes(objects, linkPrefix(repository), {
        bringUpTo,
        withUnreadable: true,
      })) {
        const digest = digestOfLinkKey(repository, info.key)
        const link = parseLink(bytes)
        if (digest && link) yield descriptorOf(link, digest)
      }
    },
  }
}

function descriptorOf({ mediaType, size }: Link, digest: Digest): Descriptor {
  return { mediaType, digest, size }
}

/** Whether a link says as much as one of this type would. */
function isKept(link: Link, mediaType: string): boolean {
  return link.mediaType === mediaType || !isManifestType(mediaType)
}
