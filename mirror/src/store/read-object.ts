import { isUnreadable } from './is-unreadable.ts'
import type { ObjectInfo, ObjectStore, ReadOptions } from './object-store.ts'

/** Reads an object that is known to be small into one buffer, which others may have, too: nobody may change it. */
export async function readObject(
  objects: Pick<ObjectStore, 'get'>,
  key: string,
  options?: Pick<ReadOptions, 'length' | 'isOnce' | 'isFresh'>,
): Promise<{ readonly info: ObjectInfo; readonly bytes: Buffer } | undefined> {
  const object = await objects.get(key, options)
  if (!object) return undefined
  return { info: object.info, bytes: object.inMemory ?? Buffer.concat(await Array.fromAsync(object.bytes)) }
}

/** As `readObject`; one that the disk has and fails to give is empty, which nobody takes for right. */
export async function readWhatThereIs(
  objects: Pick<ObjectStore, 'get' | 'head'>,
  key: string,
  options?: Pick<ReadOptions, 'length' | 'isOnce' | 'isFresh'>,
): Promise<{ readonly info: ObjectInfo; readonly bytes: Buffer } | undefined> {
  // A cable may have been at fault: what fails twice is bad where it lies.
  for (const _try of [1, 2]) {
    try {
      return await readObject(objects, key, options)
    } catch (error) {
      if (!isUnreadable(error)) throw error
    }
  }
  const info = await objects.head(key)
  return info && { info, bytes: Buffer.alloc(0) }
}
