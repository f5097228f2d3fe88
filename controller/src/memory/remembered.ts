import { digestOf, hexOf } from '@stowage/mirror/oci/digest'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import { createRecords, type Records } from '@stowage/mirror/store/records'
import * as z from 'zod'

/**
 * Small documents of one kind, all of them in memory and written through to the store. This process is their only writer: it
 * writes over no version but those that it read or wrote itself.
 * @throws Fault conflict, from its verbs, if another process wrote one: see `isOtherWriter`
 */
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

/** Whether a write failed because another process writes the same memory: what is known here is not what is true then. */
export function isOtherWriter(error: unknown): boolean {
  if (!isFault(error, 'conflict')) return false
  return error.details['isOtherWriter'] === true || error.details['isFenced'] === true
}

/**
 * Reads all documents below a prefix.
 * @throws Fault invalid if one was written by another version; unavailable
 */
export async function openRemembered<T>(
  objects: ObjectStore,
  { prefix, schema }: RememberedOptions<T>,
): Promise<Remembered<T>> {
  const records = recordsBelow(objects, { prefix, schema })
  const all = new Map<string, T>()
  /** What is stored, as far as this process knows. */
  const etags = new Map<string, string>()
  /** What may be stored instead: writes that failed, and were carried out all the same perhaps. Undefined for a deletion. */
  const doubts = new Map<string, (string | undefined)[]>()
  for await (const { value, etag } of records.list()) {
    all.set(value.name, value.value)
    etags.set(value.name, etag)
  }
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

  async function write(name: string, value: T): Promise<void> {
    await endDoubts(name)
    const record = { name, value }
    const replace = (): Promise<string | undefined> => records.replace(recordNameOf(name), etags.get(name), record)
    const etag = await orDoubt(name, JSON.stringify(record), replace)
    if (etag === undefined) throw otherWriter(prefix, name)
    etags.set(name, etag)
  }

  async function remove(name: string): Promise<void> {
    await endDoubts(name)
    const etag = etags.get(name)
    if (etag === undefined) return
    const isDone = await orDoubt(name, undefined, () => records.delete(recordNameOf(name), etag))
    if (!isDone) throw otherWriter(prefix, name)
    etags.delete(name)
  }

  async function orDoubt<R>(name: string, text: string | undefined, change: () => Promise<R>): Promise<R> {
    try {
      return await change()
    } catch (error) {
      doubts.set(name, [...(doubts.get(name) ?? []), text])
      throw error
    }
  }

  async function endDoubts(name: string): Promise<void> {
    const texts = doubts.get(name)
    if (!texts) return
    const stored = await records.look(recordNameOf(name))
    if (stored?.etag !== etags.get(name) && !texts.includes(stored?.text)) throw otherWriter(prefix, name)
    if (stored) etags.set(name, stored.etag)
    else etags.delete(name)
    doubts.delete(name)
  }

  return {
    all,
    put: (name, value) =>
      inTurn(name, async () => {
        await write(name, value)
        all.set(name, value)
      }),
    note: (name, value) => void all.set(name, value),
    save: (name) =>
      inTurn(name, async () => {
        const value = all.get(name)
        if (value !== undefined) await write(name, value)
      }),
    delete: (name) =>
      inTurn(name, async () => {
        await remove(name)
        all.delete(name)
      }),
  }
}

/** A document with the name that it is remembered by: a key may have only the beginning of it. */
interface Named<T> {
  readonly name: string
  readonly value: T
}

/**
 * Reads documents one after the other, for who does not write them.
 * @throws Fault invalid if one was written by another version; unavailable
 */
export async function* readRemembered<T>(
  objects: ObjectStore,
  options: RememberedOptions<T>,
): AsyncGenerator<Named<T>> {
  for await (const { value } of recordsBelow(objects, options).list()) yield value
}

function recordsBelow<T>(objects: ObjectStore, { prefix, schema }: RememberedOptions<T>): Records<Named<T>> {
  return createRecords(objects, { prefix, schema: z.object({ name: z.string(), value: schema }) })
}

function otherWriter(prefix: string, name: string): Fault {
  const message = `another process writes the memory of this centre (${prefix}${name}): only one may run on it`
  return new Fault('conflict', message, { details: { isOtherWriter: true } })
}

/** A segment of a key has at most 255 characters, and escaping makes three of one. */
const longestName = 80

/** Names that are short stay readable; of others the beginning does. */
function recordNameOf(name: string): string {
  if (Buffer.byteLength(name) <= longestName) return name
  return `${name.slice(0, 30)}+${hexOf(digestOf(name))}`
}
