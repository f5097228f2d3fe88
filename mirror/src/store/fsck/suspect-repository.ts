import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { isFault } from '../../oci/fault.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { isManifestType } from '../../oci/media-type.ts'
import { reviveBytes } from '../content/condemned-blobs.ts'
import { blobKey, linkKey, referrerKey, tagPrefix } from '../content/content-keys.ts'
import { readDescriptor } from '../content/descriptor-object.ts'
import { formatLink, parseLink, type Link } from '../content/link.ts'
import { createLinks } from '../content/links.ts'
import { createReferrers } from '../content/referrers.ts'
import { isUnreadable } from '../is-unreadable.ts'
import type { ObjectInfo, ObjectStore } from '../object-store.ts'
import { readWhatThereIs } from '../read-object.ts'
import type { Verdict } from '../scrub/integrity.ts'
import type { Suspicion } from './suspicion.ts'

/** With what a fault is looked at again, and mended. */
export interface RepositoryTools {
  readonly objects: ObjectStore
  readonly repository: string
  /** Reads a blob whole, and moves it aside if it is damaged. */
  readonly check: (digest: Digest) => Promise<Verdict>
  /** Brings bytes that are missing from where they came; says whether they are there. */
  readonly mend: (digest: Digest) => Promise<boolean>
  /** What the manifests and tags of the repository say of a digest. */
  readonly named: (digest: Digest) => Descriptor | undefined
}

/** What can be wrong with the parts of one repository. */
export interface RepositorySuspicions {
  unreadableTag(tag: string): Suspicion
  danglingTag(tag: string, target: Descriptor): Suspicion
  unreadableLink(digest: Digest): Suspicion
  missingBytes(digest: Digest): Suspicion
  wrongSize(digest: Digest): Suspicion
  damagedManifest(digest: Digest, why: string, isRead: () => Promise<boolean>): Suspicion
  wrongPart(manifest: Manifest, part: Descriptor): Suspicion
  missingReferrer(manifest: Manifest): Suspicion
}

export function createRepositorySuspicions(tools: RepositoryTools): RepositorySuspicions {
  const { objects, repository, check, mend, named } = tools
  const links = createLinks(objects, repository)

  async function isRight(digest: Digest): Promise<boolean> {
    try {
      return (await check(digest)) === 'right'
    } catch (error) {
      if (isUnreadable(error)) return false
      throw error
    }
  }

  const storedSize = async (digest: Digest): Promise<number | undefined> => (await objects.head(blobKey(digest)))?.size

  async function look(digest: Digest): Promise<{ info: ObjectInfo; link: Link | undefined } | undefined> {
    const object = await readWhatThereIs(objects, linkKey(repository, digest), { isFresh: true })
    return object && { info: object.info, link: parseLink(object.bytes) }
  }

  async function descriptorAt(key: string): Promise<Descriptor | 'unreadable' | undefined> {
    try {
      return await readDescriptor(objects, key)
    } catch (error) {
      if (isFault(error, 'corrupt')) return 'unreadable'
      throw error
    }
  }

  const targetOf = (tag: string) => descriptorAt(tagPrefix(repository) + tag)

  async function isManifestHere(digest: Digest): Promise<boolean> {
    return isManifestType((await look(digest))?.link?.mediaType ?? '')
  }

  /** Only behind the link is it sure that no collection takes the bytes away. */
  async function relink(descriptor: Descriptor): Promise<void> {
    await links.put(descriptor)
    await reviveBytes(objects, descriptor.digest, Date.now)
  }

  /** Bytes that are right say that the link is wrong. */
  async function resize(digest: Digest): Promise<boolean> {
    if (!(await isRight(digest))) return await mend(digest)
    const [found, size] = [await look(digest), await storedSize(digest)]
    if (!found?.link || size === undefined) return false
    return (
      (await objects.putIfMatch(found.info.key, found.info.etag, formatLink({ ...found.link, size }))) !== undefined
    )
  }

  return {
    unreadableTag: (tag) => ({
      fault: { kind: 'tag-unreadable', repository, tag, says: 'says nothing readable: push it again, or delete it' },
      isStill: async () => (await targetOf(tag)) === 'unreadable',
    }),

    danglingTag: (tag, target) => ({
      fault: {
        kind: 'tag-dangling',
        repository,
        tag,
        digest: target.digest,
        says: `means ${target.digest}, which the repository does not have: push it again, or delete the tag`,
      },
      isStill: async () => {
        const now = await targetOf(tag)
        return typeof now === 'object' && now.digest === target.digest && !(await isManifestHere(target.digest))
      },
      // What the tag means was in this repository: nobody gets to see more by that.
      repair: async () => {
        if (!(await isRight(target.digest))) return false
        await relink(target)
        return true
      },
    }),

    unreadableLink: (digest) => ({
      fault: { kind: 'link-unreadable', repository, digest, says: 'its link says nothing readable: push it again' },
      isStill: async () => {
        const found = await look(digest)
        return found !== undefined && !found.link
      },
      repair: async () => {
        // That there was a link says that the repository has it; what kind it was is known from who names it.
        const descriptor = named(digest)
        if (!descriptor) return false
        await relink(descriptor)
        return true
      },
    }),

    missingBytes: (digest) => ({
      fault: { kind: 'bytes-missing', repository, digest, says: 'its bytes are not there: push it or copy it again' },
      isStill: async () => (await look(digest))?.link !== undefined && (await storedSize(digest)) === undefined,
      repair: () => mend(digest),
    }),

    wrongSize: (digest) => ({
      fault: { kind: 'size-wrong', repository, digest, says: 'has another size than the repository says' },
      isStill: async () => {
        const [found, size] = [await look(digest), await storedSize(digest)]
        return found?.link !== undefined && size !== undefined && size !== found.link.size
      },
      repair: () => resize(digest),
    }),

    damagedManifest: (digest, why, isRead) => ({
      fault: { kind: 'blob-damaged', repository, digest, says: `is a manifest that cannot be read: ${why}` },
      isStill: async () => (await look(digest))?.link !== undefined && !(await isRead()),
      repair: async () => !(await isRight(digest)) && (await mend(digest)),
    }),

    wrongPart: (manifest, { digest, size }) => ({
      fault: {
        kind: 'part-size-wrong',
        repository,
        digest: manifest.digest,
        says: `says that ${digest} has ${size} bytes, and it has others`,
      },
      isStill: async () => {
        const [link, parent] = [(await look(digest))?.link, await look(manifest.digest)]
        return parent !== undefined && link !== undefined && link.size !== size && (await storedSize(digest)) !== size
      },
    }),

    missingReferrer: (manifest) => ({
      fault: {
        kind: 'referrer-missing',
        repository,
        digest: manifest.digest,
        says: `speaks of ${manifest.subject?.digest}, and is not in the list of those that do`,
      },
      isStill: async () => {
        if (!manifest.subject || !(await look(manifest.digest))) return false
        return (
          typeof (await descriptorAt(referrerKey(repository, manifest.subject.digest, manifest.digest))) !== 'object'
        )
      },
      repair: async () => {
        await createReferrers(objects, repository, links).put(manifest)
        return true
      },
    }),
  }
}
