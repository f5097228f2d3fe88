import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { algorithmOf, createDigester, hexOf, type Digest } from '@stowage/mirror/oci/digest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'

/**
 * A directory in the form of image-spec, image-layout.md. Files appear under their final name when they are whole,
 * but nothing is synced: what a test made is made again after a power cut, not repaired.
 */
export interface OciLayout {
  readonly directory: string
  blobPath(digest: Digest): string
  /** Stores bytes of any length; what was there already under the same digest stays. */
  put(mediaType: string, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Descriptor>
  /** Stores a JSON document, its fields in the order given. */
  putJson(mediaType: string, document: object): Promise<Descriptor>
  /** Reads a whole blob: for manifests and configs. */
  read(digest: Digest): Promise<Buffer>
  /** Gives a target a name in index.json; the name is taken from whatever had it. Within one process calls may overlap. */
  name(target: Descriptor, name: string): Promise<void>
}

interface LayoutIndex {
  schemaVersion: 2
  mediaType: string
  manifests: Descriptor[]
}

const refName = 'org.opencontainers.image.ref.name'

export interface OciLayoutOptions {
  /** Ends every `put` that is under way, its temporary file taken away. */
  readonly signal?: AbortSignal
}

/** Makes the directory an OCI image layout, or takes up the one that is there. */
export async function createOciLayout(directory: string, { signal }: OciLayoutOptions = {}): Promise<OciLayout> {
  const blobs = path.join(directory, 'blobs')
  await mkdir(path.join(blobs, 'sha256'), { recursive: true })
  const indexFile = path.join(directory, 'index.json')
  let lastNaming: Promise<void> = readIndex(indexFile).then((index) => replaceFile(indexFile, JSON.stringify(index)))
  await lastNaming
  await replaceFile(path.join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  const blobPath = (digest: Digest): string => path.join(blobs, algorithmOf(digest), hexOf(digest))

  async function put(mediaType: string, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Descriptor> {
    const temporary = path.join(blobs, `.${randomUUID()}`)
    try {
      const { digest, size } = await writeHashed(temporary, bytes, signal)
      await rename(temporary, blobPath(digest))
      return { mediaType, digest, size }
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }

  return {
    directory,
    blobPath,
    put,
    putJson: (mediaType, document) => put(mediaType, [Buffer.from(JSON.stringify(document))]),
    read: (digest) => readFile(blobPath(digest)),
    name(target, name) {
      const naming = lastNaming.then(async () => {
        const index = await readIndex(indexFile)
        const others = index.manifests.filter((other) => other.annotations?.[refName] !== name)
        const named = { ...target, annotations: { ...target.annotations, [refName]: name } }
        await replaceFile(indexFile, JSON.stringify({ ...index, manifests: [...others, named] }))
      })
      lastNaming = naming.catch(() => undefined) // The caller hears of it; the next name does not depend on it.
      return naming
    },
  }
}

async function writeHashed(
  file: string,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<{ digest: Digest; size: number }> {
  await using handle = await open(file, 'wx')
  const digester = createDigester()
  let size = 0
  for await (const chunk of bytes) {
    signal?.throwIfAborted()
    digester.update(chunk)
    size += chunk.length
    for (let at = 0; at < chunk.length;) at += (await handle.write(chunk, at)).bytesWritten
  }
  return { digest: digester.digest(), size }
}

async function readIndex(file: string): Promise<LayoutIndex> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as LayoutIndex
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] }
  }
}

async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomUUID()}`
  await writeFile(temporary, text)
  await rename(temporary, file)
}
