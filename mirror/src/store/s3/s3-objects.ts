import { Fault } from '../../oci/fault.ts'
import { checkKey, folderOfPrefix } from '../object-key.ts'
import type { ObjectInfo, ObjectStore, ReadOptions, StoredObject } from '../object-store.ts'
import type { Bucket } from './bucket.ts'
import { inlineCell } from './cell.ts'
import type { Cells, FoundCell } from './cells.ts'
import type { Folders } from './folders.ts'

export interface S3ObjectsContext {
  readonly bucket: Bucket
  readonly cells: Cells
  readonly folders: Folders
}

type Verbs = Pick<ObjectStore, 'head' | 'get' | 'putIfAbsent' | 'putIfMatch' | 'delete' | 'list'>

/** A deletion ends what a pointer names between two requests; so often in a row it is another thing. */
const mostDeaths = 5
/** How long who was sent to the bucket may begin to read there, in seconds. */
const locationSeconds = 20 * 60

/** Objects as cells: small ones inline, large ones as pointers to data objects, which uploads made. */
export function createS3Objects({
  bucket,
  cells,
  folders,
}: S3ObjectsContext): Verbs & Required<Pick<ObjectStore, 'locate'>> {
  async function read(key: string, options: ReadOptions): Promise<StoredObject | undefined> {
    for (let deaths = 0; deaths < mostDeaths; deaths++) {
      const found = await cells.find(key, Infinity)
      if (!found) return undefined
      const info = infoOf(found)
      const { start, end } = stretchOf(info, options)
      if (found.cell.kind === 'inline') return { info, bytes: only(found.bytes.subarray(start, end)) }
      if (start >= end) return { info, bytes: only(Buffer.alloc(0)) }
      const data = await bucket.get(folders.data + found.cell.data, { start, end })
      if (data) return { info, bytes: data.bytes }
    }
    throw new Fault('corrupt', `the bytes of ${key} are gone from the bucket, while their name is there`)
  }

  async function put(key: string, write: (cell: Buffer) => Promise<string | undefined>, bytes: Uint8Array) {
    const etag = await write(inlineCell(bytes))
    if (etag === undefined) return undefined
    return { key, size: bytes.length, etag, changedAt: await cells.changedAt(key, etag) }
  }

  return {
    async head(key) {
      checkKey(key)
      const found = await cells.find(key)
      return found && infoOf(found)
    },

    async get(key, options = {}) {
      checkKey(key)
      return await read(key, options)
    },

    async putIfAbsent(key, bytes) {
      checkKey(key)
      return await put(key, (cell) => cells.create(key, cell), bytes)
    },

    async putIfMatch(key, etag, bytes) {
      checkKey(key)
      const old = await cells.find(key)
      if (old?.etag !== etag) return undefined
      const stored = await put(key, (cell) => cells.replace(key, etag, cell), bytes)
      if (stored && old.cell.kind === 'pointer') await bucket.delete(folders.data + old.cell.data)
      return stored
    },

    async delete(key, etag) {
      checkKey(key)
      for (;;) {
        const found = await cells.find(key)
        if (!found || (etag !== undefined && found.etag !== etag)) return false
        if (await cells.delete(key, found.etag, dataOf(found))) return true
        if (etag !== undefined) return false
      }
    },

    async *list(prefix, { after = '' } = {}) {
      folderOfPrefix(prefix)
      for await (const found of cells.list(prefix, after)) yield infoOf(found)
    },

    async locate(key) {
      checkKey(key)
      const found = await cells.find(key)
      return found?.cell.kind === 'pointer'
        ? await bucket.signedUrl(folders.data + found.cell.data, locationSeconds)
        : undefined
    },
  }
}

function infoOf({ key, cell, etag, changedAt }: Omit<FoundCell, 'bytes'>): ObjectInfo {
  return { key, size: cell.size, etag, changedAt }
}

function dataOf({ cell }: Pick<FoundCell, 'cell'>): string | undefined {
  return cell.kind === 'pointer' ? cell.data : undefined
}

function stretchOf(
  { size }: ObjectInfo,
  { offset = 0, length = Infinity }: ReadOptions,
): { start: number; end: number } {
  return { start: offset, end: Math.min(size, offset + length) }
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}
