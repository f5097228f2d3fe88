import * as z from 'zod'
import { isUnreadable } from './is-unreadable.ts'
import { listWithBytes } from './list-with-bytes.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'
import { readObject } from './read-object.ts'
import { Fault, isFault } from '../oci/fault.ts'

/** Small JSON documents of one kind in the object store, each under a name, replaced only by compare-and-swap. */
export interface Records<T> {
  get(name: string): Promise<T | undefined>
  /**
   * Replaces a record by what `change` makes of it, again if another writer came between; `undefined` from `change` leaves it as it is.
   * Resolves with what is stored then.
   */
  update(name: string, change: (old: T | undefined) => T | undefined): Promise<T | undefined>
  /** The version that is stored now; undefined if there is none. */
  look(name: string): Promise<RecordVersion<T> | undefined>
  /**
   * Writes over the version with this etag, or where there is none if it is undefined. Resolves with the etag of what is
   * stored then; undefined, and nothing is changed, if another version is stored.
   */
  replace(name: string, etag: string | undefined, value: T): Promise<string | undefined>
  /** Writes a record over whatever is there, be it damaged. */
  put(name: string, value: T): Promise<void>
  /** Deletes a record, only in this version if an etag is given; says whether it did. */
  delete(name: string, etag?: string): Promise<boolean>
  /** All of them, ordered by key. */
  list(): AsyncIterable<RecordVersion<T> & { readonly name: string }>
  /** Those that say nothing readable, and that no other version of Stowage wrote. */
  damaged(): AsyncIterable<DamagedRecord>
}

/** A record that a disk lost, or of which it changed bytes. */
export interface DamagedRecord {
  readonly name: string
  readonly key: string
  readonly etag: string
  /** What there is of it. */
  readonly bytes: Uint8Array
}

/** A record as it was stored at some time. */
export interface RecordVersion<T> {
  readonly value: T
  readonly etag: string
  /** Its JSON, byte for byte. */
  readonly text: string
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

  async function read(key: string): Promise<RecordVersion<T> | undefined> {
    const object = await readObject(objects, key)
    return object && versionOf(object.info, object.bytes)
  }

  function versionOf({ key, etag }: ObjectInfo, bytes: Uint8Array): RecordVersion<T> {
    const text = Buffer.from(bytes).toString()
    return { value: parse(key, text), etag, text }
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

  async function write(key: string, etag: string | undefined, value: T): Promise<string | undefined> {
    const bytes = new TextEncoder().encode(JSON.stringify(value))
    const stored =
      etag === undefined ? await objects.putIfAbsent(key, bytes) : await objects.putIfMatch(key, etag, bytes)
    return stored?.etag
  }

  return {
    get: async (name) => (await read(keyOf(name)))?.value,

    look: (name) => read(keyOf(name)),
    replace: (name, etag, value) => write(keyOf(name), etag, value),

    async update(name, change) {
      for (;;) {
        const old = await read(keyOf(name))
        const value = change(old?.value)
        if (value === undefined) return old?.value
        if ((await write(keyOf(name), old?.etag, value)) !== undefined) return value
      }
    },

    async put(name, value) {
      for (;;) {
        const there = await objects.head(keyOf(name))
        if ((await write(keyOf(name), there?.etag, value)) !== undefined) return
      }
    },

    delete: (name, etag) => objects.delete(keyOf(name), etag),

    async *list() {
      for await (const { info, bytes } of listWithBytes(objects, prefix, { bringUpTo: largestBrought })) {
        yield { ...versionOf(info, bytes), name: nameIn(info.key) }
      }
    },

    async *damaged() {
      const listing = { bringUpTo: largestBrought, isOnce: true, withUnreadable: true }
      for await (const { info, bytes } of listWithBytes(objects, prefix, listing)) {
        const { key, etag } = info
        const json = jsonIn(bytes)
        if (schema.safeParse(json).success || isOfAnotherVersion(json)) continue
        yield { name: nameIn(key), key, etag, bytes }
      }
    },
  }

  function nameIn(key: string): string {
    return unescapeSegment(key.slice(prefix.length, -'.json'.length))
  }
}

/** Whether reading a record failed as it is damaged, or was written by another version of Stowage. */
export function isDamagedRecord(error: unknown): boolean {
  return isFault(error, 'invalid') || isUnreadable(error)
}

function jsonIn(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    // It is told by whoever asks what is damaged.
    return undefined
  }
}

const anyVersionSchema = z.object({ version: z.number() })

/** All that have a version have this one so far. */
function isOfAnotherVersion(json: unknown): boolean {
  const found = anyVersionSchema.safeParse(json)
  return found.success && found.data.version !== 1
}

const largestBrought = 64 * 1024

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
