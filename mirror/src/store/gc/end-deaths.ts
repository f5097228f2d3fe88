import type { ObjectStore } from '../object-store.ts'
import { readMarks } from './collect-bytes.ts'

/**
 * Ends what a process that was killed left half done: it had decided to delete bytes, and whoever brings them anew waits for that.
 * Only for who has opened a store that no other process has open.
 */
export async function endDeaths(objects: ObjectStore): Promise<void> {
  for (const { isDying, info } of (await readMarks(objects)).values()) {
    // The bytes are there or not: if so, they are condemned once more.
    if (isDying) await objects.delete(info.key, info.etag)
  }
}
