import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ObjectStore } from '../object-store.ts'

export interface SlowStoreOptions {
  readonly random: () => number
  readonly onCall: () => void
}

/** Lets others come between any two calls, and between a call and its answer. For tests. */
export function createSlowStore(objects: ObjectStore, { random, onCall }: SlowStoreOptions): ObjectStore {
  const pause = async (): Promise<void> => {
    onCall()
    const turns = random() < 0.02 ? 40 : Math.floor(random() * 3)
    for (let turn = 0; turn < turns; turn++) await nextTurn()
  }
  const slowly =
    <Arguments extends unknown[], Result>(work: (...args: Arguments) => Promise<Result>) =>
    async (...args: Arguments): Promise<Result> => {
      await pause()
      const result = await work(...args)
      await pause()
      return result
    }
  return {
    ...objects,
    head: slowly((key) => objects.head(key)),
    get: slowly((key, options) => objects.get(key, options)),
    putIfAbsent: slowly((key, bytes) => objects.putIfAbsent(key, bytes)),
    putIfMatch: slowly((key, etag, bytes) => objects.putIfMatch(key, etag, bytes)),
    delete: slowly((key, etag) => objects.delete(key, etag)),
    async *list(prefix, options) {
      await pause()
      for await (const info of objects.list(prefix, options)) {
        await pause()
        yield info
      }
    },
  }
}
