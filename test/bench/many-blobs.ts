import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { digestOf } from '@stowage/mirror/oci/digest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import { blobKey, linkKey, tagPrefix } from '@stowage/mirror/store/content/content-keys'
import { formatLink } from '@stowage/mirror/store/content/link'

/** How many of all that; an image has ten blobs, its manifest and its configuration among them. */
export interface ManyBlobs {
  readonly repositories: number
  readonly imagesEach: number
}

const layersEach = 8
/** One of so many images has no tag, and has been there for a year: garbage. */
const garbageEvery = 100
const longAgo = new Date(Date.now() - 365 * 24 * 60 * 60 * 1000)

/**
 * Writes a data directory of `stowage mirror` with very many blobs of a few bytes each, past all syncs: through the front door that
 * takes an hour. Images are `many/N:vN`, counted from 0.
 */
export function writeManyBlobs(directory: string, { repositories, imagesEach }: ManyBlobs): void {
  const made = new Set<string>()

  function write(key: string, bytes: Uint8Array | string, isGarbage: boolean): void {
    const file = path.join(directory, key)
    const folder = path.dirname(file)
    if (!made.has(folder)) mkdirSync(folder, { recursive: true })
    made.add(folder)
    writeFileSync(file, bytes)
    if (isGarbage) utimesSync(file, longAgo, longAgo)
  }

  function writeBlob(repository: string, mediaType: string, content: string, isGarbage: boolean): Descriptor {
    const blob = { mediaType, digest: digestOf(content), size: Buffer.byteLength(content) }
    write(blobKey(blob.digest), content, isGarbage)
    write(linkKey(repository, blob.digest), formatLink(blob), isGarbage)
    return blob
  }

  function writeImage(repository: string, number: number, isGarbage: boolean): Descriptor {
    const put = (mediaType: string, content: unknown): Descriptor =>
      writeBlob(repository, mediaType, JSON.stringify(content), isGarbage)
    const config = put(mediaTypes.config, { os: 'linux', architecture: 'amd64', repository, number })
    const layers = Array.from({ length: layersEach }, (_, at) => put(mediaTypes.layerGzip, { repository, number, at }))
    return put(mediaTypes.manifest, { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers })
  }

  for (let at = 0; at < repositories; at++) {
    const repository = `many/${at}`
    for (let number = 0; number < imagesEach; number++) {
      const isGarbage = (at * imagesEach + number) % garbageEvery === garbageEvery - 1
      const manifest = writeImage(repository, number, isGarbage)
      if (!isGarbage) write(`${tagPrefix(repository)}v${number}`, JSON.stringify(manifest), false)
    }
  }
}
