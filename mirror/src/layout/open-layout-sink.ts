import { readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContentSink } from '../content.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, digestOf } from '../oci/digest.ts'
import { Fault } from '../oci/fault.ts'
import { descriptorOf, maxManifestSize } from '../oci/manifest.ts'
import { createBlobIngest } from '../store/content/blob-ingest.ts'
import { blobKey, ingestId } from '../store/content/content-keys.ts'
import { publishBlob } from '../store/content/publish-blob.ts'
import { createUploadDigests } from '../store/content/upload-digests.ts'
import { openFsStore } from '../store/fs-store.ts'
import { createLocks } from '../store/locks.ts'
import { readObject } from '../store/read-object.ts'
import { formatLayoutIndex, layoutIndexKey, parseLayoutIndex, withEntry } from './layout-index.ts'

/** A layout that is written to. */
export interface LayoutSink extends ContentSink, AsyncDisposable {
  /** Lists a manifest in `index.json`, under a name if there is one. */
  list(target: Descriptor, name?: string): Promise<void>
}

/**
 * Makes a directory an OCI image layout, or adds to one. A blob gets its name when all of it is durable; what broke off lies below
 * `uploads/` until then, and goes on there. One process at a time.
 * @throws Fault invalid (other things lie there) | denied | no-space
 */
export async function openLayoutSink(directory: string): Promise<LayoutSink> {
  await refuseOthers(directory)
  const objects = await openFsStore({ directory })
  const digests = createUploadDigests()
  const locks = createLocks()

  async function hasBytes({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): Promise<boolean> {
    return (await objects.head(blobKey(digest)))?.size === size
  }

  async function list(target: Descriptor, name?: string): Promise<void> {
    for (;;) {
      const old = await readObject(objects, layoutIndexKey)
      const entries = withEntry(old ? parseLayoutIndex(old.bytes).manifests : [], target, name)
      const bytes = formatLayoutIndex(entries, old?.bytes)
      const stored = old
        ? await objects.putIfMatch(layoutIndexKey, old.info.etag, bytes)
        : await objects.putIfAbsent(layoutIndexKey, bytes)
      if (stored) return
    }
  }

  return {
    list,
    hasBlob: hasBytes,

    async ingest(blob, { signal } = {}) {
      const { digest, size } = blob
      const turn = await locks.acquire(digest, { signal })
      try {
        if (await hasBytes(blob)) {
          turn[Symbol.dispose]()
          return undefined
        }
        const upload = digests.watch(await objects.openUpload(ingestId(digest), { size }), algorithmOf(digest))
        await digests.catchUp(upload, algorithmOf(digest))
        const publish = async (): Promise<void> => void (await publishBlob(upload, digest, { objects, digests }))
        return createBlobIngest(blob, { upload, turn, publish, signal })
      } catch (error) {
        turn[Symbol.dispose]()
        throw error
      }
    },

    async hasManifest(digest) {
      const stored = await readObject(objects, blobKey(digest), { length: maxManifestSize + 1 })
      return stored !== undefined && digestOf(stored.bytes, algorithmOf(digest)) === digest
    },

    async putManifest(manifest, { tags: own = [], speakingTags = [] } = {}) {
      const tags = [...own, ...speakingTags.map(({ tag }) => tag)]
      const key = blobKey(manifest.digest)
      const old = await readObject(objects, key, { length: maxManifestSize + 1 })
      if (!old) await objects.putIfAbsent(key, manifest.raw)
      else if (!old.bytes.equals(manifest.raw)) await objects.putIfMatch(key, old.info.etag, manifest.raw)
      for (const tag of tags) await list(descriptorOf(manifest), tag)
      // Only there it is found by who looks for what speaks of its subject.
      if (manifest.subject && tags.length === 0) await list(descriptorOf(manifest))
    },

    async [Symbol.asyncDispose]() {
      await objects[Symbol.asyncDispose]()
      // Of no use to others; what broke off stays.
      for (const name of ['uploads', '.tmp']) await rmdir(join(directory, name)).catch(() => undefined)
    },
  }
}

/** Files of somebody else are not to lie in between. */
async function refuseOthers(directory: string): Promise<void> {
  const names = await namesIn(directory)
  if (names.includes('stowage.json')) {
    throw new Fault(
      'invalid',
      `${directory} is a data directory of Stowage: name it with --data, and its images as mirror:REPOSITORY:TAG`,
    )
  }
  const isLayout = names.includes('oci-layout') || names.includes('index.json')
  if (names.length > 0 && !isLayout && names.some((name) => !['uploads', '.tmp', 'blobs'].includes(name))) {
    throw new Fault(
      'invalid',
      `${directory} holds other files (${names.slice(0, 3).join(', ')}); choose an empty directory`,
    )
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return []
    if (code === 'ENOTDIR') throw new Fault('invalid', `${directory} is not a directory`, { cause })
    if (code === 'EACCES') throw new Fault('denied', `${directory}: no permission to read it`, { cause })
    throw cause
  }
}
