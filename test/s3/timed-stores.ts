import type { ListedObject, ObjectInfo, ObjectStore } from '@stowage/mirror/store/object-store'

/** Several stores over the same objects, for which time is what a test says, whatever the service's clock does. */
export function timedStores(now: () => number, open: () => ObjectStore): () => ObjectStore {
  /** When each version was written: etags are never used twice. */
  const times = new Map<string, number>()
  const timed = <T extends ObjectInfo>(info: T): T => {
    const known = times.get(info.etag) ?? now()
    times.set(info.etag, known)
    return { ...info, changedAt: known }
  }
  const orNone = (info: ObjectInfo | undefined): ObjectInfo | undefined => info && timed(info)

  return () => {
    const objects = open()
    return {
      ...objects,
      head: async (key) => orNone(await objects.head(key)),
      async get(key, options) {
        const object = await objects.get(key, options)
        return object && { ...object, info: timed(object.info) }
      },
      putIfAbsent: async (key, bytes) => orNone(await objects.putIfAbsent(key, bytes)),
      putIfMatch: async (key, etag, bytes) => orNone(await objects.putIfMatch(key, etag, bytes)),
      async *list(prefix, options): AsyncGenerator<ListedObject> {
        for await (const listed of objects.list(prefix, options)) yield timed(listed)
      },
    }
  }
}
