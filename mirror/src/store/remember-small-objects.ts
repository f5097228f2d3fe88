import type { ObjectInfo, ObjectStore, ReadOptions, StoredObject } from './object-store.ts'
import { storedInMemory } from './stored-in-memory.ts'
import { createRecentlyUsed } from './recently-used.ts'

export interface RememberOptions {
  /** Bytes of the largest object that is remembered. */
  readonly maxSize?: number
  /** Bytes of all that is remembered. */
  readonly maxTotal?: number
}

interface Remembered {
  readonly info: ObjectInfo
  readonly bytes: Buffer
}

/** What an entry takes besides its bytes. */
const overhead = 512

/**
 * Answers reads of small objects (tags, links, manifests, configs: what every pull begins with) from memory.
 * Only for a store that nobody else writes to.
 */
export function rememberSmallObjects(
  objects: ObjectStore,
  { maxSize = 64 * 1024, maxTotal = 16 * 1024 * 1024 }: RememberOptions = {},
): ObjectStore {
  const remembered = createRecentlyUsed<Remembered>(maxTotal)
  const move = objects.move?.bind(objects)
  let writes = 0

  /**
   * A read that meets a write may see what was before it: it is not remembered if a write began or ended meanwhile, and
   * what it remembered during the write is forgotten at the write's end.
   */
  async function write<T>(key: string, work: () => Promise<T>): Promise<T> {
    const forget = (): void => {
      writes++
      remembered.delete(key)
    }
    forget()
    try {
      return await work()
    } finally {
      forget()
    }
  }

  return {
    ...objects,

    peek: (key) => remembered.get(key)?.bytes,

    head: async (key) => remembered.get(key)?.info ?? (await objects.head(key)),

    async get(key, options = {}) {
      const known = options.isFresh ? undefined : remembered.get(key)
      if (known) return storedIn(known, options)
      const before = writes
      const object = await objects.get(key, options)
      if (!object || options.isOnce || object.info.size > maxSize || !isWhole(object.info, options)) return object
      const bytes = Buffer.concat(await Array.fromAsync(object.bytes))
      const read = { info: object.info, bytes }
      if (writes === before) remembered.set(key, read, bytes.length + overhead)
      return storedIn(read, {})
    },

    // What creates an object changes nothing that is remembered: absence is not.
    putIfMatch: (key, etag, bytes) => write(key, () => objects.putIfMatch(key, etag, bytes)),
    delete: (key, etag) => write(key, () => objects.delete(key, etag)),
    ...(move && {
      move: (key: string, etag: string, newKey: string) =>
        write(key, () => write(newKey, () => move(key, etag, newKey))),
    }),
  }
}

function isWhole({ size }: ObjectInfo, { offset = 0, length = size }: ReadOptions): boolean {
  return offset === 0 && length >= size
}

/** The same buffer for all who read all of it: what they make of it, they can keep by it. */
function storedIn({ info, bytes }: Remembered, options: ReadOptions): StoredObject {
  const { offset = 0, length = Infinity } = options
  return storedInMemory(info, isWhole(info, options) ? bytes : bytes.subarray(offset, offset + length))
}
