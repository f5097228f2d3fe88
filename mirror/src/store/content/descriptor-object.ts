import type { Descriptor } from '../../oci/descriptor.ts'
import type { ObjectStore } from '../object-store.ts'
import { descriptorSchema } from '../../oci/descriptor.ts'
import { Fault } from '../../oci/fault.ts'
import { readWhatThereIs } from '../read-object.ts'

/**
 * Reads a descriptor that was stored as an object: a tag, a referrer.
 * @throws Fault corrupt
 */
export async function readDescriptor(objects: ObjectStore, key: string): Promise<Descriptor | undefined> {
  const object = await readWhatThereIs(objects, key)
  return object && parseDescriptor(key, object.bytes)
}

/**
 * Stores a few bytes under a key, whatever is there; of several racing calls one is last. What says the same already is
 * written once more only if asked for, so that who looked at it before sees that it is another version.
 */
export async function putBytes(
  objects: ObjectStore,
  key: string,
  bytes: Buffer,
  { isRewritten = false }: { readonly isRewritten?: boolean } = {},
): Promise<void> {
  for (;;) {
    const old = await readWhatThereIs(objects, key)
    if (!isRewritten && old?.bytes.equals(bytes)) return
    const stored = old ? await objects.putIfMatch(key, old.info.etag, bytes) : await objects.putIfAbsent(key, bytes)
    if (stored) return
  }
}

/** Descriptors below a prefix, ordered by key, a few read at a time. */
export async function listDescriptors(
  objects: ObjectStore,
  prefix: string,
  { after, limit = Infinity }: { readonly after?: string | undefined; readonly limit?: number | undefined } = {},
): Promise<Array<{ readonly name: string; readonly descriptor: Descriptor }>> {
  const found: Array<{ name: string; descriptor: Descriptor }> = []
  const read = async (key: string) => ({
    name: key.slice(prefix.length),
    descriptor: await readDescriptor(objects, key),
  })
  const take = async (keys: readonly string[]): Promise<void> => {
    for (const { name, descriptor } of await Promise.all(keys.map(read))) {
      if (descriptor && found.length < limit) found.push({ name, descriptor })
    }
  }
  let batch: string[] = []
  for await (const { key } of objects.list(prefix, { after: after === undefined ? undefined : prefix + after })) {
    if (found.length >= limit) return found
    batch.push(key)
    if (batch.length < batchSize) continue
    await take(batch)
    batch = []
  }
  await take(batch)
  return found
}

/** So few at a time that other work gets its share of the disk. */
const batchSize = 16

/** @throws Fault corrupt */
export function parseDescriptor(key: string, bytes: Buffer): Descriptor {
  try {
    return descriptorSchema.parse(JSON.parse(bytes.toString()))
  } catch (cause) {
    throw new Fault('corrupt', `${key} in the store is damaged; delete it, or push what it names again`, { cause })
  }
}
