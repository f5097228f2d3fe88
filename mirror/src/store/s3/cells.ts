import { Fault } from '../../oci/fault.ts'
import { createRecentlyUsed } from '../recently-used.ts'
import type { Bucket, Condition, Stored } from './bucket.ts'
import { graveCell, headerLength, parseCell, type Cell } from './cell.ts'

/** A cell that stands, no grave. */
export type StandingCell = Exclude<Cell, { readonly kind: 'grave' }>

export interface FoundCell {
  readonly key: string
  readonly cell: StandingCell
  readonly etag: string
  /** Epoch milliseconds, to the second. */
  readonly changedAt: number
  /** What was read of an inline object's bytes, from their beginning. */
  readonly bytes: Buffer
}

/** The cells of one folder of the bucket, written by compare-and-swap. */
export interface Cells {
  /** Reads a cell, and of an inline object's bytes as many as are wanted; none by default. */
  find(key: string, wanted?: number): Promise<FoundCell | undefined>
  /**
   * Writes where none stands; the new etag, or undefined. What was deleted does not come back: nor is anything written where a
   * grave names the same data.
   */
  create(key: string, cell: Buffer): Promise<string | undefined>
  /** Writes over the version with this etag; the new one, or undefined. */
  replace(key: string, etag: string, cell: Buffer): Promise<string | undefined>
  /** When a version was written, epoch milliseconds, to the second. */
  changedAt(key: string, etag: string): Promise<number>
  /** Deletes this version, and what it names; of several racing calls one is told that it did. */
  delete(key: string, etag: string, data: string | undefined): Promise<boolean>
  list(prefix: string, after: string): AsyncIterable<Omit<FoundCell, 'bytes'>>
}

export interface CellsContext {
  readonly bucket: Bucket
  /** Ends in `/`. */
  readonly folder: string
  /** Whether the service deletes on condition. Where it does not, graves stay: deleting one could hit what came after it. */
  readonly deletesOnCondition: boolean
  /** Deletes what a cell of this folder named. */
  readonly bury: (data: string) => Promise<void>
}

const lookedAtOnce = 16
/** What is remembered of short cells by their etags, which never changes. */
const rememberedCells = 100_000

export function createCells({ bucket, folder, deletesOnCondition, bury }: CellsContext): Cells {
  const known = createRecentlyUsed<Cell>(rememberedCells)

  async function read(key: string, wanted: number): Promise<{ stored: Stored; cell: Cell; bytes: Buffer } | undefined> {
    const end = headerLength + wanted
    const found = await bucket.get(folder + key, { start: 0, end: Number.isFinite(end) ? end : undefined })
    if (!found) return undefined
    const { stored } = found
    const bytes = Buffer.concat(await Array.fromAsync(found.bytes))
    return { stored, cell: parse(key, bytes, stored.size), bytes: bytes.subarray(headerLength) }
  }

  function parse(key: string, bytes: Buffer, size: number): Cell {
    try {
      return parseCell(bytes, size)
    } catch (cause) {
      const message = `${folder}${key} in the bucket was not written by Stowage, or is damaged`
      throw new Fault('corrupt', message, { cause })
    }
  }

  /** An answer may be lost and the write done again by the client: then our own stands in the way. */
  async function write(key: string, cell: Buffer, condition: Condition): Promise<string | undefined> {
    const etag = await bucket.put(folder + key, cell, condition)
    if (etag !== undefined) return etag
    const there = await bucket.get(folder + key, { start: 0, end: headerLength })
    if (!there) return undefined
    const first = Buffer.concat(await Array.fromAsync(there.bytes))
    return first.equals(cell.subarray(0, headerLength)) ? there.stored.etag : undefined
  }

  async function clearGrave(key: string, etag: string, data: string | undefined): Promise<void> {
    if (data !== undefined) await bury(data)
    if (deletesOnCondition) await bucket.delete(folder + key, etag)
  }

  async function look(key: string, etag: string): Promise<Omit<FoundCell, 'bytes'> | undefined> {
    const remembered = known.get(etag)
    if (remembered?.kind === 'grave') return undefined
    const found = await read(key, 0)
    if (!found) return undefined
    const { stored, cell } = found
    if (stored.size < headerLength) known.set(stored.etag, cell, 1)
    if (cell.kind !== 'grave') return { key, cell, etag: stored.etag, changedAt: stored.changedAt }
    if (deletesOnCondition) await clearGrave(key, stored.etag, cell.data)
    return undefined
  }

  function listed({ key, size, etag, changedAt }: Stored & { readonly key: string }): ReturnType<typeof look> {
    const name = key.slice(folder.length)
    if (size >= headerLength) {
      return Promise.resolve({ key: name, cell: { kind: 'inline', size: size - headerLength }, etag, changedAt })
    }
    const remembered = known.get(etag)
    if (remembered && remembered.kind !== 'grave') {
      return Promise.resolve({ key: name, cell: remembered, etag, changedAt })
    }
    return look(name, etag)
  }

  return {
    async find(key, wanted = 0) {
      const found = await read(key, wanted)
      if (!found || found.cell.kind === 'grave') return undefined
      const { stored, cell, bytes } = found
      return { key, cell, etag: stored.etag, changedAt: stored.changedAt, bytes }
    },

    async create(key, cell) {
      const data = dataOf(parseCell(cell, cell.length))
      for (;;) {
        const etag = await write(key, cell, { ifAbsent: true })
        if (etag !== undefined) return etag
        const there = await read(key, 0)
        if (there && there.cell.kind !== 'grave') return undefined
        if (!there) continue
        const buried = dataOf(there.cell)
        // Who wrote the grave may be about to delete it at any time from now on.
        if (data !== undefined && data === buried) return undefined
        if (buried !== undefined) await bury(buried)
        const over = await write(key, cell, { ifMatch: there.stored.etag })
        if (over !== undefined) return over
      }
    },

    replace: (key, etag, cell) => write(key, cell, { ifMatch: etag }),

    async changedAt(key, etag) {
      const stored = await bucket.stat(folder + key, etag)
      // Somebody wrote over it since: it was a moment ago.
      return stored?.changedAt ?? Math.floor(Date.now() / 1000) * 1000
    },

    async delete(key, etag, data) {
      const grave = graveCell(data)
      const buried = await write(key, grave, { ifMatch: etag })
      if (buried === undefined) return false
      await clearGrave(key, buried, data)
      return true
    },

    async *list(prefix, after) {
      const listing = bucket.list(folder + prefix, after && folder + after)
      for await (const batch of inBatches(listing, lookedAtOnce)) {
        yield* (await Promise.all(batch.map(listed))).filter((found) => found !== undefined)
      }
    },
  }
}

function dataOf(cell: Cell): string | undefined {
  return cell.kind === 'inline' ? undefined : cell.data
}

async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
