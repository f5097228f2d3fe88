import { dirname, join } from 'node:path'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { algorithmOf, createDigester, digestOf, hexOf, type Digest } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { maxManifestSize } from '@stowage/mirror/oci/manifest'
import type { FileSystem } from '../../files/file-system.ts'
import { readWholeFile, writeWholeFile } from '../../files/whole-file.ts'

/** The content of a layout: `blobs/<algorithm>/<hex>`, whole files only. */
export interface LayoutBlobs {
  has(blob: Pick<Descriptor, 'digest' | 'size'>): Promise<boolean>
  /** A small document that is as its digest says; `damaged` if it is not, undefined if it is not there. */
  readDocument(digest: Digest): Promise<Buffer | 'damaged' | undefined>
  /** Puts a small document there, if it is not there as it should be. */
  writeDocument(digest: Digest, raw: Uint8Array): Promise<void>
  /** Moves a checked and synced file in. */
  takeOver(digest: Digest, path: string): Promise<void>
  /** Makes durable what is there of these, whoever wrote it. */
  makeDurable(digests: readonly Digest[]): Promise<void>
  /** Removes these in their order; durable when it resolves. */
  remove(digests: readonly Digest[]): Promise<void>
}

const copyBytes = 1024 * 1024

/** Where files of a layout lie until they are whole. Whoever opens the layout makes it and clears what a crash left. */
export function incomingDirectory(directory: string): string {
  return join(directory, '.incoming')
}

export function createLayoutBlobs(directory: string, files: FileSystem): LayoutBlobs {
  const pathOf = (digest: Digest): string => join(directory, 'blobs', algorithmOf(digest), hexOf(digest))
  const incoming = (digest: Digest): string => join(incomingDirectory(directory), hexOf(digest))

  async function readDocument(digest: Digest): Promise<Buffer | 'damaged' | undefined> {
    const size = await files.sizeOf(pathOf(digest))
    if (size === undefined) return undefined
    if (size > maxManifestSize) return 'damaged'
    const bytes = await readWholeFile(files, pathOf(digest), maxManifestSize)
    return bytes && digestOf(bytes, algorithmOf(digest)) === digest ? bytes : 'damaged'
  }

  /** From another file system: what arrives is checked again, and is not seen under its name before. */
  async function copyIn(digest: Digest, from: string): Promise<string> {
    const to = incoming(digest)
    await files.remove(to)
    await using source = await files.openForReading(from)
    if (!source) throw new Fault('conflict', `${from} is gone`)
    await using target = await files.openForWriting(to)
    const buffer = Buffer.allocUnsafe(copyBytes)
    const digester = createDigester(algorithmOf(digest))
    for (let position = 0; ;) {
      const read = await source.read(buffer, position)
      if (read === 0) break
      digester.update(buffer.subarray(0, read))
      await target.write(buffer.subarray(0, read), position)
      position += read
    }
    if (digester.digest() !== digest)
      throw new Fault('corrupt', `${from} is not ${digest} any more: this disk damaged it`)
    await target.sync()
    return to
  }

  async function syncParents(digests: readonly Digest[]): Promise<void> {
    for (const parent of new Set(digests.map((digest) => dirname(pathOf(digest))))) await files.syncDirectory(parent)
  }

  return {
    has: async ({ digest, size }) => (await files.sizeOf(pathOf(digest))) === size,
    readDocument,

    async writeDocument(digest, raw) {
      if (Buffer.isBuffer(await readDocument(digest))) return
      await files.makeDirectory(dirname(pathOf(digest)))
      await writeWholeFile(files, pathOf(digest), raw, incoming(digest))
    },

    async takeOver(digest, path) {
      await files.makeDirectory(dirname(pathOf(digest)))
      if ((await files.rename(path, pathOf(digest))) === 'other-device') {
        await files.rename(await copyIn(digest, path), pathOf(digest))
        await files.syncDirectory(dirname(pathOf(digest)))
        await files.remove(path)
      } else await files.syncDirectory(dirname(pathOf(digest)))
    },

    async makeDurable(digests) {
      for (const digest of digests) {
        await using file = await files.openForReading(pathOf(digest))
        await file?.sync()
      }
      await syncParents(digests)
    },

    async remove(digests) {
      for (const digest of digests) await files.remove(pathOf(digest))
      await syncParents(digests)
    },
  }
}
