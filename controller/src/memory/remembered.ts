import { digestOf, hexOf } from '@stowage/mirror/oci/digest'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import { createRecords } from '@stowage/mirror/store/records'
import * as z from 'zod'

/** Small documents of one kind, all of them in memory and written through to the store. This process is their only writer. */
export interface Remembered<T> {
  /** By name, as they are now. */
  readonly all: ReadonlyMap<string, T>
  /** Writes, and takes over once that is durable. */
  put(name: string, value: T): Promise<void>
  /** Takes over without writing: `save` is for later. */
  note(name: string, value: T): void
  /** Writes what is in memory under this name. */
  save(name: string): Promise<void>
  delete(name: string): Promise<void>
}

export interface RememberedOptions<T> {
  /** Key prefix ending in `/`. */
  readonly prefix: string
  readonly schema: z.ZodType<T>
}

/**
 * Reads all documents below a prefix.
 * @throws Fault invalid if one was written by another version; unavailable
 */
export async function openRemembered<T>(
  objects: ObjectStore,
  { prefix, schema }: RememberedOptions<T>,
): Promise<Remembered<T>> {
  const records = createRecords(objects, { prefix, schema: z.object({ name: z.string(), value: schema }) })
  const all = new Map<string, T>()
  for await (const { value } of records.list()) all.set(value.name, value.value)
  const writes = new Map<string, Promise<unknown>>()

  /** One write of a name after the other, so that the last one is the one that stays. */
  async function inTurn(name: string, write: () => Promise<unknown>): Promise<void> {
    const before = writes.get(name)
    const turn = before ? before.then(write, write) : write()
    writes.set(name, turn)
    try {
      await turn
    } finally {
      if (writes.get(name) === turn) writes.delete(name)
    }
  }

  return {
    all,
    put: (name, value) =>
      inTurn(name, async () => {
        await records.update(recordNameOf(name), () => ({ name, value }))
        all.set(name, value)
      }),
    note: (name, value) => void all.set(name, value),
    save: (name) =>
      inTurn(name, async () => {
        const value = all.get(name)
        if (value !== undefined) await records.update(recordNameOf(name), () => ({ name, value }))
      }),
    delete: (name) =>
      inTurn(name, async () => {
        await records.delete(recordNameOf(name))
        all.delete(name)
      }),
  }
}

/** A segment of a key has at most 255 characters, and escaping makes three of one. */
const longestName = 80

/** Names that are short stay readable; of others the beginning does. */
function recordNameOf(name: string): string {
  if (Buffer.byteLength(name) <= longestName) return name
  return `${name.slice(0, 30)}+${hexOf(digestOf(name))}`
}
