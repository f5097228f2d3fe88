import type { ObjectInfo, StoredObject } from './object-store.ts'

/** An object whose bytes, or those of it that were asked for, were read already. */
export function storedInMemory(info: ObjectInfo, bytes: Buffer): StoredObject {
  return { info, inMemory: bytes, bytes: only(bytes) }
}

async function* only(bytes: Buffer): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}
