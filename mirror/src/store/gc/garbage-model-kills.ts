import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ObjectStore } from '../object-store.ts'
import { createSeededRandom } from '../seeded-random.ts'

// Collections that are killed over what they delete. For tests.

const killed = new Error('the collection was killed')

/**
 * A store in the hands of collections of which many end before a request to delete bytes arrives, or behind that; what they sent
 * arrives much later.
 */
export function killingOver(seed: number): (objects: ObjectStore) => ObjectStore {
  const random = createSeededRandom(seed)
  return (objects) => ({
    ...objects,
    async delete(key, etag) {
      if (!key.startsWith('blobs/') || random() < 0.5) return await objects.delete(key, etag)
      const late = deleteLate(objects, key, etag)
      if (random() < 0.5) await late
      throw killed
    },
  })
}

/** Another collection begins then. */
export function unlessKilled(error: unknown): void {
  if (error !== killed) throw error
}

async function deleteLate(objects: ObjectStore, key: string, etag: string | undefined): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await nextTurn()
  await objects.delete(key, etag)
}
