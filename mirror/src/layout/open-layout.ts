import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { blobPath } from '../bundle/bundle-writer.ts'
import type { ContentSource } from '../content.ts'
import { nameOf } from '../edge/set.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { isDigest, type Digest } from '../oci/digest.ts'
import { Fault } from '../oci/fault.ts'
import { descriptorOf, maxManifestSize, parseManifest, type Manifest } from '../oci/manifest.ts'
import { isManifestType } from '../oci/media-type.ts'
import { listReferrers } from '../registry/list-referrers.ts'
import { entryNamed, parseLayoutIndex } from './layout-index.ts'

/** An OCI image layout in a directory, read in place: a source like a registry, in which repositories do not matter. */
export interface Layout extends Required<ContentSource> {
  /** What `index.json` lists, with names or without. */
  readonly entries: readonly Descriptor[]
}

/**
 * Opens a layout to read it; nothing is written.
 * @throws Fault not-found | denied | invalid (it is no layout)
 */
export async function openLayout(directory: string): Promise<Layout> {
  const bytes = await readWhole(join(directory, 'index.json'), `${directory} is no OCI image layout: index.json`)
  const { manifests: entries } = parseLayoutIndex(bytes)

  async function manifest(reference: string): Promise<Manifest> {
    const digest = isDigest(reference) ? reference : entryNamed(entries, reference)?.digest
    if (!digest) throw new Fault('not-found', `${directory}: nothing in it is called ${reference}${namesOf(entries)}`)
    const { mediaType } = entries.find((entry) => entry.digest === digest) ?? {}
    const path = join(directory, blobPath(digest))
    return parseManifest(await readWhole(path, `${directory}: ${digest}`), { digest, mediaType })
  }

  const source: Required<ContentSource> = {
    manifest: (_, reference) => manifest(reference),
    resolve: async (_, reference) => descriptorOf(await manifest(reference)),

    async blob(_, { digest, size }, { offset = 0, signal } = {}) {
      const path = join(directory, blobPath(digest))
      const actual = await sizeOf(path, `${directory}: ${digest}`)
      if (actual !== size) throw new Fault('corrupt', `${directory}: ${digest} has ${actual} bytes, not ${size}`)
      return createReadStream(path, { start: offset, highWaterMark: 1024 * 1024, signal })
    },

    referrers: (repository, subject, options) =>
      listReferrers(
        { ...source, page: async () => ({ manifests: await listed(subject) }) },
        { repository, subject, ...options },
      ),
  }

  /** Those that `index.json` lists: a layout has no other lists. */
  async function listed(subject: Digest): Promise<Descriptor[]> {
    const found: Descriptor[] = []
    for (const { digest, mediaType } of entries) {
      if (!isManifestType(mediaType)) continue
      const read = await manifest(digest)
      if (read.subject?.digest === subject) found.push({ ...descriptorOf(read), artifactType: read.artifactType })
    }
    return found
  }

  return { ...source, entries }
}

/** For who asked for another one. */
function namesOf(entries: readonly Descriptor[]): string {
  const names = entries.flatMap((entry) => nameOf(entry) ?? [])
  return names.length === 0 ? '' : `; it has ${names.slice(0, 10).join(', ')}`
}

async function readWhole(path: string, what: string): Promise<Uint8Array> {
  const size = await sizeOf(path, what)
  if (size > maxManifestSize) throw new Fault('invalid', `${what} has ${size} bytes, more than any document may have`)
  return await readFile(path)
}

async function sizeOf(path: string, what: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new Fault('not-found', `${what} is not there`, { cause })
    if (code === 'EACCES') throw new Fault('denied', `${what}: no permission to read it`, { cause })
    throw cause
  }
}
