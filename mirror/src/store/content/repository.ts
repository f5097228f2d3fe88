import type { IngestOptions } from '../../content.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Manifest } from '../../oci/manifest.ts'
import type { Repository } from '../content-store.ts'
import { copyHoldMs, copyHoldName, type Holds } from '../holds.ts'
import type { ObjectStore, ReadOptions } from '../object-store.ts'
import type { Blobs } from './blobs.ts'
import type { Manifests } from './manifests.ts'
import { isDigest } from '../../oci/digest.ts'
import { Fault, isFault } from '../../oci/fault.ts'
import { descriptorOf, partsOf } from '../../oci/manifest.ts'
import { isManifestType } from '../../oci/media-type.ts'
import { blobKey } from './content-keys.ts'
import { createLinks } from './links.ts'
import { createReferrers } from './referrers.ts'
import { createTags } from './tags.ts'
import { createVouch } from './vouch.ts'
import { watchContent } from './watch-content.ts'

/** What all repositories of one store share. */
export interface Shared {
  readonly objects: ObjectStore
  readonly blobs: Blobs
  readonly manifests: Manifests
  readonly holds: Holds
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** So long nothing is written to renew a hold; one that a clock that was set let run out is renewed at once. */
const freshHoldMs = 24 * 3600_000

/** What a blob is said to be when nobody said it: pushed blobs come without a media type. */
const unknownType = 'application/octet-stream'

/** One repository over the shared bytes. What refers comes after what it refers to, in every write; deleting goes backwards. */
export function createRepository(name: string, { objects, blobs, manifests, holds, now }: Shared): Repository {
  const links = createLinks(objects, name)
  const referrers = createReferrers(objects, name, links)
  const { vouchFor, vouchForAll } = createVouch({ links, manifests, referrers })
  const tags = createTags(objects, name, { links, vouchFor })

  async function manifestLink(reference: string): Promise<Descriptor | undefined> {
    const digest = isDigest(reference) ? reference : (await tags.get(reference))?.digest
    const link = digest && (await links.get(digest))
    return link && isManifestType(link.mediaType) ? link : undefined
  }

  async function manifest(reference: string): Promise<Manifest | undefined> {
    const link = await manifestLink(reference)
    return link && (await manifests.read(link.digest, link.mediaType))
  }

  /** Links bytes that were there a moment ago. Only behind the link is it sure that no collection takes them away. */
  async function linkIfThere(descriptor: Descriptor): Promise<{ readonly etag: string | undefined } | undefined> {
    const etag = await links.put(descriptor)
    if (await blobs.secure(descriptor)) return { etag }
    if (etag !== undefined) await links.delete(descriptor.digest, etag)
    return undefined
  }

  async function linkStored(descriptor: Descriptor): Promise<Descriptor> {
    if (await linkIfThere(descriptor)) return descriptor
    throw new Fault('unavailable', `${descriptor.digest} was deleted at the moment that it came; bring it again`)
  }

  /** Knowing a digest is not having its bytes. */
  async function checkHas(blob: Descriptor, hasBytes: IngestOptions['hasBytes']): Promise<void> {
    if (!hasBytes || (await links.get(blob.digest))) return
    const isSame = await hasBytes({ size: blob.size, read: (part) => readThere(blob, part) })
    if (!isSame) throw new Fault('corrupt', `what was to come for ${blob.digest} is something else`)
  }

  async function* readThere(blob: Descriptor, part: ReadOptions): AsyncGenerator<Uint8Array> {
    const object = await blobs.open(blob, part)
    if (!object) throw new Fault('unavailable', `${blob.digest} was deleted while it was read`)
    yield* object.bytes
  }

  async function linkManifest(manifest: Manifest): Promise<{ readonly etag: string | undefined }> {
    for (;;) {
      await manifests.put(manifest)
      const linked = await linkIfThere(descriptorOf(manifest))
      if (linked) return linked
    }
  }

  /** Whose subject is not known any more stays in the list of it; lists leave out what is not linked. */
  async function forgetReferrer({ digest, mediaType }: Descriptor): Promise<void> {
    try {
      const manifest = await manifests.read(digest, mediaType)
      if (manifest) await referrers.delete(manifest)
    } catch (error) {
      if (!isFault(error, 'corrupt')) throw error
    }
  }

  return {
    name,
    stat: (digest) => links.get(digest),
    vouchFor,

    async openBlob(digest, options) {
      const link = await links.get(digest)
      return link && (await blobs.open(link, options))
    },

    async locateBlob(digest) {
      return (await links.get(digest)) && (await objects.locate?.(blobKey(digest)))
    },

    holdsBlob: async (blob) => (await links.get(blob.digest)) !== undefined && (await blobs.has(blob)),

    manifest,

    async *manifests() {
      for await (const descriptor of links.list()) if (isManifestType(descriptor.mediaType)) yield descriptor
    },

    watch: (reference, digest) => watchContent(objects, name, { reference, digest }),
    tag: async (tag) => (isDigest(tag) ? undefined : await manifestLink(tag)),
    putTag: (tag, digest, options) => tags.put(tag, digest, options),
    tags: (options) => tags.list(options),
    referrers: (subject) => referrers.list(subject),

    async hold(digests) {
      const content = [{ repository: name, digests: [...digests] }]
      const hold = copyHoldName(content)
      let takenAt = -Infinity
      const renew = async (): Promise<void> => {
        const at = now()
        if (Math.abs(at - takenAt) < freshHoldMs) return
        await holds.take(hold, content, copyHoldMs)
        takenAt = at
      }
      await renew()
      return { renew, release: () => holds.release(hold) }
    },

    async hasBlob({ digest }) {
      const found = await vouchFor(digest)
      return found !== undefined && (await blobs.has(found))
    },

    async ingest(blob, options) {
      const onStored = (): Promise<unknown> => linkStored(asBlob(blob))
      for (;;) {
        const ingest = await blobs.ingest(blob, { ...options, onStored })
        if (ingest) return ingest
        await checkHas(blob, options?.hasBytes)
        if (await linkIfThere(asBlob(blob))) return undefined
      }
    },

    async hasManifest(digest) {
      const found = await vouchFor(digest)
      return found !== undefined && isManifestType(found.mediaType) && (await manifests.has(digest))
    },

    async putManifest(manifest, options) {
      const { digest } = manifest
      const gone = (): Fault =>
        new Fault('unavailable', `parts of ${digest} were deleted while it came; bring them again`)
      const parts = await vouchForAll(partsOf(manifest))
      const here = new Set(parts)
      if (partsOf(manifest).some((part) => options?.brought?.has(part) && !here.has(part))) throw gone()
      const { etag } = await linkManifest(manifest)
      // Looked at behind the link: a collection that begins now sees that they are needed, and one before has lost the race.
      if ((await vouchForAll(parts)).length < parts.length) {
        if (etag !== undefined) await links.delete(digest, etag)
        throw gone()
      }
      await referrers.put(manifest)
      for (const tag of options?.tags ?? []) await tags.put(tag, digest)
      for (const { tag, ...of } of options?.speakingTags ?? []) await tags.put(tag, digest, of)
    },

    async mount(digest, from) {
      const there = await from.stat(digest)
      if (!there || !(await blobs.has(there))) return undefined
      const descriptor = { mediaType: unknownType, digest, size: there.size }
      return (await linkIfThere(descriptor)) && descriptor
    },

    async commitUpload(upload, digest) {
      const { size } = upload
      await blobs.publish(upload, digest)
      return await linkStored({ mediaType: unknownType, digest, size })
    },

    deleteTag: (tag, only) => tags.delete(tag, only),

    async deleteManifest(digest) {
      const found = await manifestLink(digest)
      if (!found) return false
      await tags.deleteTo(digest)
      await forgetReferrer(found)
      const deleted = await links.delete(digest)
      await tags.deleteTo(digest)
      return deleted
    },

    async deleteBlob(digest) {
      const found = await links.get(digest)
      return found !== undefined && !isManifestType(found.mediaType) && (await links.delete(digest))
    },
  }
}

/** Only `putManifest` makes something a manifest, whatever a list of layers calls it. */
function asBlob(blob: Descriptor): Descriptor {
  return isManifestType(blob.mediaType) ? { ...blob, mediaType: unknownType } : blob
}
