import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'
import type { Digest } from '../../oci/digest.ts'
import { Fault } from '../../oci/fault.ts'
import type { ObjectWithBytes } from '../list-with-bytes.ts'
import type { ObjectStore } from '../object-store.ts'
import { readWhatThereIs } from '../read-object.ts'
import { condemnedKey } from './content-keys.ts'

const markSchema = z.object({
  version: z.literal(1),
  /** When it was written, epoch milliseconds. */
  at: z.number(),
  /** The bytes are being deleted: whoever needs them waits, and brings them anew. */
  isDying: z.boolean(),
})

/** What a collection writes beside bytes that it found no link to. */
export type CondemnedMark = Omit<z.infer<typeof markSchema>, 'version'>

export function formatMark({ at, isDying }: CondemnedMark): Uint8Array {
  return Buffer.from(JSON.stringify({ version: 1, at, isDying }))
}

/** What a mark says. One that is damaged may be of a deletion that began when it was written, and holds up no longer than that. */
export function markIn({ info, bytes }: ObjectWithBytes): CondemnedMark {
  try {
    return markSchema.parse(JSON.parse(Buffer.from(bytes).toString()))
  } catch {
    return { at: info.changedAt, isDying: true }
  }
}

/** A deletion that was begun so long ago has ended, however it did, in milliseconds: see `longestDeathMs`. */
export const forgottenDeathMs: number = 3600_000
/** Who has not begun to delete within this time after the decision does not any more, in milliseconds. */
export const longestDeathMs: number = 5 * 60_000

const patienceMs = 5000
const lookAgainMs = 20

/**
 * Takes the mark from bytes, so that no collection deletes them that did not see what was linked before this call. Bytes
 * that are being deleted are waited for, as that is a matter of milliseconds; then they are gone.
 * @throws Fault unavailable if that takes long
 */
export async function reviveBytes(objects: ObjectStore, digest: Digest, now: () => number): Promise<void> {
  const key = condemnedKey(digest)
  for (let waitedMs = 0; ;) {
    const object = await readWhatThereIs(objects, key)
    if (!object) return
    const { at, isDying } = markIn(object)
    if (!isDying || now() - at > forgottenDeathMs) {
      if (await objects.delete(key, object.info.etag)) return
      continue
    }
    if (waitedMs >= patienceMs) {
      throw new Fault('unavailable', `${digest} is being deleted at this moment; bring it again`, {
        retryAfterMs: 5000,
      })
    }
    await delay(lookAgainMs)
    waitedMs += lookAgainMs
  }
}
