import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expandEntries, type FlatEntry } from './expand-entries.ts'
import type { Compression, LayerSpec } from './layer-spec.ts'
import { packLayer, type MadeLayer } from './make-layer.ts'
import type { OciLayout } from './oci-layout.ts'

/** To be raised whenever the same entries would give another tar. */
const form = 1

/** Makes a layer only if its inputs changed since the last time. */
export interface LayerCache {
  layer(spec: LayerSpec): Promise<MadeLayer>
}

/**
 * Remembers in a directory which layers the layout has from which inputs. A file counts as unchanged while its size and
 * time of change are; nothing is read to find out. Several processes may use one cache at once.
 */
export function createLayerCache({ layout, directory }: { layout: OciLayout; directory: string }): LayerCache {
  return {
    async layer({ entries, compression = { gzip: 6 } }) {
      const flat = await expandEntries(entries)
      const note = path.join(directory, `${keyOf(flat, compression)}.json`)
      const known = await readNote(note)
      if (known && (await isStored(layout, known))) return known
      const made = await packLayer(layout, flat, compression)
      await mkdir(directory, { recursive: true })
      await writeFile(`${note}.${process.pid}`, JSON.stringify(made))
      await rename(`${note}.${process.pid}`, note)
      return made
    },
  }
}

function keyOf(entries: readonly FlatEntry[], compression: Compression): string {
  const hash = createHash('sha256').update(JSON.stringify([form, process.versions.zlib, compression]))
  for (const entry of entries) {
    if (entry.kind === 'content')
      hash.update(JSON.stringify({ ...entry, content: entry.content.length })).update(entry.content)
    else hash.update(JSON.stringify(entry))
  }
  return hash.digest('hex')
}

async function readNote(note: string): Promise<MadeLayer | undefined> {
  try {
    return JSON.parse(await readFile(note, 'utf8')) as MadeLayer
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

async function isStored(layout: OciLayout, { digest, size }: MadeLayer): Promise<boolean> {
  const found = await stat(layout.blobPath(digest)).catch(() => undefined)
  return found?.size === size
}
