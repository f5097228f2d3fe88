import type * as z from 'zod'
import type { ObjectStore } from './object-store.ts'
import { Fault } from '../oci/fault.ts'

/** Small JSON documents of one kind in the object store, each under a name, replaced only by compare-and-swap. */
export interface Records<T> {
  get(name: string): Promise<T | undefined>
  /**
   * Replaces a record by what `change` makes of it, again if another writer came between; `undefined` from `change` leaves it as it is.
   * Resolves with what is stored then.
   */
  update(name: string, change: (old: T | undefined) => T | undefined): Promise<T | undefined>
  delete(name: string): Promise<boolean>
  /** All of them, ordered by key. */
  list(): AsyncIterable<{ readonly name: string; readonly value: T }>
}

export interface RecordsOptions<T> {
  /** Key prefix ending in `/`. */
  readonly prefix: string
  /** Stored records are checked on reading: a store may have been written by another version. */
  readonly schema: z.ZodType<T>
}

/**
 * Opens the records below a prefix. Names are escaped, so any text may be one.
 * @throws Fault invalid, from its verbs, for a stored record that is not of the schema
 */
export function createRecords<T>(objects: ObjectStore, { prefix, schema }: RecordsOptions<T>): Records<T> {
  const keyOf = (name: string): string => `${prefix}${escapeSegment(name)}.json`

  async function read(key: string): Promise<{ value: T; etag: string } | undefined> {
    const object = await objects.get(key)
    if (!object) return undefined
    const bytes = await Array.fromAsync(object.bytes)
    return { value: parse(key, Buffer.concat(bytes).toString()), etag: object.info.etag }
  }

  function parse(key: string, text: string): T {
    try {
      return schema.parse(JSON.parse(text))
    } catch (cause) {
      throw new Fault('invalid', `stored record ${key} cannot be read; was it written by another version of Stowage?`, {
        cause,
      })
    }
  }

  return {
    get: async (name) => (await read(keyOf(name)))?.value,

    async update(name, change) {
      for (;;) {
        const old = await read(keyOf(name))
        const value = change(old?.value)
        if (value === undefined) return old?.value
        const bytes = new TextEncoder().encode(JSON.stringify(value))
        const stored = old
          ? await objects.putIfMatch(keyOf(name), old.etag, bytes)
          : await objects.putIfAbsent(keyOf(name), bytes)
        if (stored) return value
      }
    },

    delete: (name) => objects.delete(keyOf(name)),

    async *list() {
      for await (const { key } of objects.list(prefix)) {
        const record = await read(key)
        if (record) yield { name: unescapeSegment(key.slice(prefix.length, -'.json'.length)), value: record.value }
      }
    },
  }
}

/** Bytes that a key segment may not hold are written as `=hh`; a leading dot too, so that no name is hidden or `..`. */
function escapeSegment(name: string): string {
  return [...Buffer.from(name)]
    .map((byte, index) => {
      const char = String.fromCodePoint(byte)
      const safe = /[a-zA-Z0-9:@_-]/.test(char) || (char === '.' && index > 0)
      return safe ? char : `=${byte.toString(16).padStart(2, '0')}`
    })
    .join('')
}

function unescapeSegment(segment: string): string {
  const percent = segment.replaceAll('%', '%25').replaceAll(/=([0-9a-f]{2})/g, '%$1')
  return decodeURIComponent(percent)
}
