import { join } from 'node:path'
import { algorithmOf, digestOf, hexOf, type Digest } from '@stowage/mirror/oci/digest'
import { maxManifestSize } from '@stowage/mirror/oci/manifest'
import type { FileSystem } from '../files/file-system.ts'
import { readWholeFile, writeWholeFile } from '../files/whole-file.ts'

/** Sets, indexes, manifests and configurations that were read once: small, and needed again when there is no link. */
export interface DocumentStore {
  /** Undefined as well if what is there is damaged. */
  get(digest: Digest): Promise<Uint8Array | undefined>
  put(document: { readonly digest: Digest; readonly raw: Uint8Array }): Promise<void>
  /** Drops all but these. */
  retain(digests: ReadonlySet<Digest>): Promise<void>
}

/** Opens the documents of a data directory. */
export async function openDocumentStore(directory: string, files: FileSystem): Promise<DocumentStore> {
  await files.makeDirectory(directory)
  await files.syncDirectory(directory)
  const writing = new Map<Digest, Promise<void>>()
  const nameOf = (digest: Digest): string => `${algorithmOf(digest)}-${hexOf(digest)}`
  const pathOf = (digest: Digest): string => join(directory, nameOf(digest))

  return {
    async get(digest) {
      const raw = await readWholeFile(files, pathOf(digest), maxManifestSize)
      return raw && digestOf(raw, algorithmOf(digest)) === digest ? raw : undefined
    },

    async put({ digest, raw }) {
      const write = writing.get(digest) ?? writeWholeFile(files, pathOf(digest), raw)
      writing.set(digest, write)
      await write.finally(() => writing.delete(digest))
    },

    async retain(digests) {
      const kept = new Set(
        [...digests, ...writing.keys()].flatMap((digest) => [nameOf(digest), `${nameOf(digest)}.new`]),
      )
      for (const name of await files.list(directory)) if (!kept.has(name)) await files.remove(join(directory, name))
    },
  }
}
