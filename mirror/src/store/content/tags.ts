import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { PutTagOptions, Tag } from '../content-store.ts'
import type { ObjectStore } from '../object-store.ts'
import type { Links } from './links.ts'
import { Fault, isFault } from '../../oci/fault.ts'
import { isManifestType } from '../../oci/media-type.ts'
import { isTag } from '../../oci/reference.ts'
import { readWhatThereIs } from '../read-object.ts'
import { tagPrefix } from './content-keys.ts'
import { listDescriptors, putBytes, readDescriptor } from './descriptor-object.ts'
import { formatTagObject, parseTagObject } from './tag-object.ts'

/** Names for the manifests of one repository. */
export interface Tags {
  get(name: string): Promise<Descriptor | undefined>
  /** @throws Fault invalid (not a tag) | not-found (the manifest is not linked) */
  put(name: string, digest: Digest, options?: PutTagOptions): Promise<void>
  list(options?: { readonly after?: string | undefined; readonly limit?: number | undefined }): Promise<Tag[]>
  /** @param only what it means: it is left if it means something else by now */
  delete(name: string, only?: Digest): Promise<boolean>
  /** Deletes the tags that mean this manifest. */
  deleteTo(digest: Digest): Promise<void>
}

export interface TagsContext {
  readonly links: Links
  /** The link of a digest, which no collection takes away soon. */
  readonly vouchFor: (digest: Digest) => Promise<Descriptor | undefined>
}

export function createTags(objects: ObjectStore, repository: string, { links, vouchFor }: TagsContext): Tags {
  const prefix = tagPrefix(repository)

  async function target(name: string, digest: Digest): Promise<Descriptor> {
    const link = await vouchFor(digest)
    if (link && isManifestType(link.mediaType)) return link
    throw new Fault('not-found', `${repository} has no manifest ${digest} that the tag ${name} could mean`)
  }

  /** What a tag meant is read by somebody perhaps, and kept for a while after the tag says something else. */
  async function leave(name: string, next?: Digest): Promise<void> {
    const old = await readUnlessDamaged(name)
    if (old && old.digest !== next) await links.touch(old.digest)
  }

  /** Whether somebody gave the tag himself. */
  async function isGiven(name: string): Promise<boolean> {
    const object = await readWhatThereIs(objects, prefix + name)
    return object !== undefined && parseTagObject(object.bytes)?.speaksOf === undefined
  }

  /** What a damaged tag meant nobody knows; it can be written over, and deleted. */
  async function readUnlessDamaged(name: string): Promise<Descriptor | undefined> {
    try {
      return await readDescriptor(objects, prefix + name)
    } catch (error) {
      if (isFault(error, 'corrupt')) return undefined
      throw error
    }
  }

  return {
    get: async (name) => (isTag(name) ? await readDescriptor(objects, prefix + name) : undefined),

    async put(name, digest, { speaksOf, isYielding = false } = {}) {
      if (!isTag(name)) throw new Fault('invalid', `"${name.slice(0, 200)}" is not a tag`)
      const descriptor = await target(name, digest)
      if (isYielding && (await isGiven(name))) return
      await leave(name, digest)
      const { mediaType, size } = descriptor
      await putBytes(objects, prefix + name, formatTagObject({ mediaType, digest, size, speaksOf }))
      // Whoever deletes the manifest looks for tags once more after its link is gone; with this second look at the link,
      // one of the two sees the other, and no tag is left that means nothing.
      try {
        await target(name, digest)
      } catch (error) {
        await deleteIf(name, digest)
        throw error
      }
    },

    async list(options) {
      const found = await listDescriptors(objects, prefix, options)
      return found.map(({ name, descriptor }) => ({ name, target: descriptor }))
    },

    async delete(name, only) {
      if (!isTag(name)) return false
      if (only) return await deleteIf(name, only)
      await leave(name)
      return await objects.delete(prefix + name)
    },

    async deleteTo(digest) {
      for (const { name, descriptor } of await listDescriptors(objects, prefix)) {
        if (descriptor.digest === digest) await deleteIf(name, digest)
      }
    },
  }

  async function deleteIf(name: string, digest: Digest): Promise<boolean> {
    const info = await objects.head(prefix + name)
    const descriptor = await readDescriptor(objects, prefix + name)
    return info !== undefined && descriptor?.digest === digest && (await objects.delete(prefix + name, info.etag))
  }
}
