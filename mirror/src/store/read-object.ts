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
