import { open, type FileHandle } from 'node:fs/promises'
import type { ContentSource } from '../content.ts'
import { nameOf, type DesiredImage } from '../edge/set.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { isDigest } from '../oci/digest.ts'
import { Fault } from '../oci/fault.ts'
import { descriptorOf, maxManifestSize, parseManifest, type Manifest } from '../oci/manifest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import {
  bundleDocumentPath,
  bundleFilesDirectory,
  parseBundleDocument,
  type BundleDocument,
} from './bundle-document.ts'
import { blobPath } from './bundle-writer.ts'
import { indexTar, type TarEntry } from './tar-index.ts'

/** A bundle that is read in place: a source of content like a registry, in which repositories do not matter. */
export interface Bundle extends ContentSource, AsyncDisposable {
  /** What `index.json` names. */
  readonly images: readonly DesiredImage[]
  /** Undefined for an OCI archive that another tool wrote. */
  readonly document: BundleDocument | undefined
  /** What else it carries, such as what a cluster is to be told of Stowage. */
  readonly files: readonly BundleFile[]
}

/** A file beside the layout. */
export interface BundleFile {
  /** Below `bundleFilesDirectory`. */
  readonly name: string
  readonly size: number
  readonly read: () => AsyncIterable<Uint8Array>
}

/**
 * Opens a bundle, or any OCI image layout in a tar.
 * @throws Fault not-found (no such file) | denied | corrupt (not a tar, cut off) | invalid (a tar, but not a layout)
 */
export async function openBundle(path: string): Promise<Bundle> {
  const file = await openFile(path)
  try {
    return await readBundle(file, path)
  } catch (error) {
    await file.close()
    throw error instanceof Fault ? new Fault(error.code, `${path}: ${error.message}`, { cause: error }) : error
  }
}

async function readBundle(file: FileHandle, path: string): Promise<Bundle> {
  const entries = await indexTar(file)
  const index = parseManifest(await readWhole(file, entries, 'index.json'), { mediaType: mediaTypes.index })
  if (index.kind !== 'index') throw new Fault('invalid', 'index.json is not an image index')
  const document = entries.has(bundleDocumentPath)
    ? parseBundleDocument((await readWhole(file, entries, bundleDocumentPath)).toString())
    : undefined
  const images = index.manifests.flatMap((root): DesiredImage[] => {
    const name = nameOf(root)
    return name === undefined ? [] : [{ name, root }]
  })

  async function manifest(reference: string): Promise<Manifest> {
    const digest = isDigest(reference) ? reference : images.find(({ name }) => name === reference)?.root.digest
    if (!digest) throw new Fault('not-found', `${path}: it does not hold ${reference}`)
    const mediaType =
      index.kind === 'index' ? index.manifests.find((entry) => entry.digest === digest)?.mediaType : undefined
    return parseManifest(await readWhole(file, entries, blobPath(digest)), { digest, mediaType })
  }

  const carried = [...entries.values()].filter(
    ({ name }) => name.startsWith(bundleFilesDirectory) && name !== bundleDocumentPath,
  )

  return {
    images,
    document,
    files: carried.map((entry) => ({ name: entry.name, size: entry.size, read: () => readEntry(entry, 0) })),
    manifest: (_repository, reference) => manifest(reference),
    resolve: async (_repository, reference) => descriptorOf(await manifest(reference)),
    blob: (_repository, blob, { offset = 0, signal } = {}) => Promise.resolve(readBlob(blob, offset, signal)),
    [Symbol.asyncDispose]: () => file.close(),
  }

  async function* readBlob(blob: Descriptor, offset: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const entry = entryOf(entries, blobPath(blob.digest))
    if (entry.size !== blob.size)
      throw new Fault('corrupt', `${path}: ${blob.digest} has ${entry.size} bytes, not ${blob.size}`)
    yield* readEntry(entry, offset, signal)
  }

  async function* readEntry(entry: TarEntry, offset: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const chunkSize = 1024 * 1024
    for (let at = offset; at < entry.size; at += chunkSize) {
      signal?.throwIfAborted()
      const length = Math.min(chunkSize, entry.size - at)
      yield await readAt(file, entry, at, length)
    }
  }
}

async function readWhole(file: FileHandle, entries: ReadonlyMap<string, TarEntry>, name: string): Promise<Buffer> {
  const entry = entryOf(entries, name)
  if (entry.size > maxManifestSize)
    throw new Fault('invalid', `${name} has ${entry.size} bytes, more than any document may have`)
  return await readAt(file, entry, 0, entry.size)
}

async function readAt(file: FileHandle, entry: TarEntry, at: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, entry.offset + at)
  if (bytesRead !== length) throw new Fault('corrupt', `${entry.name}: the file ended while it was read`)
  return buffer
}

function entryOf(entries: ReadonlyMap<string, TarEntry>, name: string): TarEntry {
  const entry = entries.get(name)
  if (entry) return entry
  const isDocument = !name.startsWith('blobs/')
  throw isDocument
    ? new Fault('invalid', `it is a tar, but not a bundle: there is no ${name} in it`)
    : new Fault('not-found', `${name} is not in the bundle`)
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOENT') throw new Fault('not-found', `${path}: there is no such file`, { cause })
    if (code === 'EACCES') throw new Fault('denied', `${path}: no permission to read it`, { cause })
    throw cause
  }
}
