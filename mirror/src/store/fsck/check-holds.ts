import { createHolds } from '../holds.ts'
import type { ObjectStore } from '../object-store.ts'
import type { DamagedRecord } from '../records.ts'
import type { Suspicion } from './suspicion.ts'

export interface CheckHoldsOptions {
  readonly objects: ObjectStore
  readonly suspect: (suspicion: Suspicion) => void
}

/** Looks for holds that nobody can read: until they are out of the way no garbage is collected. */
export async function checkHolds({ objects, suspect }: CheckHoldsOptions): Promise<void> {
  for await (const hold of createHolds(objects, { now: Date.now }).damaged()) {
    const { key, etag } = hold
    suspect({
      fault: {
        kind: 'hold-unreadable',
        says: `${key} may keep anything, so no garbage is collected: repairing takes it to ${asideKey(hold)}`,
      },
      isStill: async () => (await objects.head(key))?.etag === etag,
      repair: async () => {
        await objects.putIfAbsent(asideKey(hold), hold.bytes)
        return await objects.delete(key, etag)
      },
    })
  }
}

/** Somebody may be able to tell what it kept. */
function asideKey({ key }: DamagedRecord): string {
  return `quarantine/${key}`
}
