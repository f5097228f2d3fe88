import type { ListedObject, ObjectInfo, ObjectStore } from './object-store.ts'
import { readObject, readWhatThereIs } from './read-object.ts'

/** A small object as it was read. */
export interface ObjectWithBytes {
  readonly info: ObjectInfo
  readonly bytes: Uint8Array
}

export interface ListWithBytesOptions {
  /** Bytes of an object that may come with the list; others are read one by one. */
  readonly bringUpTo: number
  /** Nobody asks for them again soon: they need not be remembered. */
  readonly isOnce?: boolean
  /** There may be very many, and nobody is in a hurry for them. */
  readonly inBackground?: boolean
  /** What the disk fails to give comes without bytes, instead of ending the list. */
  readonly withUnreadable?: boolean
}

/** A store that is far away takes its time for each of thousands of objects. */
const mostReadsAtOnce = 16

/** Objects below a prefix with their bytes, ordered by key; those that go meanwhile are left out. */
export async function* listWithBytes(
  objects: ObjectStore,
  prefix: string,
  { bringUpTo, isOnce, inBackground, withUnreadable = false }: ListWithBytesOptions,
): AsyncGenerator<ObjectWithBytes> {
  const readOne = withUnreadable ? readWhatThereIs : readObject
  const read = async ({ bytes, ...info }: ListedObject): Promise<ObjectWithBytes | undefined> =>
    bytes ? { info, bytes } : await readOne(objects, info.key, { isOnce })
  const ahead: Promise<ObjectWithBytes | undefined>[] = []
  for await (const listed of objects.list(prefix, { bringUpTo, inBackground })) {
    const reading = read(listed)
    // Whoever waits for it hears of it; it may fail before its turn comes.
    reading.catch(() => undefined)
    ahead.push(reading)
    if (ahead.length < mostReadsAtOnce) continue
    const first = await ahead.shift()
    if (first) yield first
  }
  for (const reading of ahead) {
    const object = await reading
    if (object) yield object
  }
}
