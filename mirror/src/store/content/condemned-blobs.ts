import { setTimeout as delay } from 'node:timers/promises'
import * as z from 'zod'
import type { Digest } from '../../oci/digest.ts'
import { Fault } from '../../oci/fault.ts'
import type { ObjectWithBytes } from '../list-with-bytes.ts'
import type { ObjectInfo, ObjectStore } from '../object-store.ts'
import { readWhatThereIs } from '../read-object.ts'
import { blobKey, condemnedKey } from './content-keys.ts'

const markSchema = z.object({
  version: z.literal(1),
  /** When it was written, epoch milliseconds. */
  at: z.number(),
  /** The bytes are being deleted: whoever needs them brings them anew. */
  isDying: z.boolean(),
  /** In which version. Of one that is dying; earlier versions of Stowage do not say it. */
  etag: z.string().optional(),
})

/** What a collection writes beside bytes that it found no link to. */
export type CondemnedMark = Omit<z.infer<typeof markSchema>, 'version'>

export function formatMark({ at, isDying, etag }: CondemnedMark): Uint8Array {
  return Buffer.from(JSON.stringify({ version: 1, at, isDying, etag }))
}

/** What a mark says. One that is damaged may be of a deletion that began when it was written. */
export function markIn({ info, bytes }: ObjectWithBytes): CondemnedMark {
  try {
    return markSchema.parse(JSON.parse(Buffer.from(bytes).toString()))
  } catch {
    return { at: info.changedAt, isDying: true }
  }
}

/** A deletion that nobody can help with, and that was begun so long ago, has ended, however it did; in milliseconds. */
const forgottenDeathMs = 3600_000

/** Whether bytes may be about to be deleted by somebody else, who has not said in which version. */
export function isDyingInSecret({ at, isDying, etag }: CondemnedMark, now: number): boolean {
  return isDying && etag === undefined && now - at <= forgottenDeathMs
}

/**
 * Deletes bytes in the version that a mark says is dying, then the mark, and says whether there were any. Whoever meets such a
 * mark may do so at any time, and who wrote it may come late: nobody was told that this version is here since, and no later
 * one has its etag.
 */
export async function endDeath(objects: ObjectStore, digest: Digest, etag: string, mark: ObjectInfo): Promise<boolean> {
  const isDeleted = await objects.delete(blobKey(digest), etag)
  await objects.delete(mark.key, mark.etag)
  return isDeleted
}

const patienceMs = 5000
const lookAgainMs = 20

/**
 * Takes the mark from bytes, so that no collection deletes them that did not see what was linked before this call. Bytes
 * that are being deleted are gone then.
 * @throws Fault unavailable if somebody may be deleting them who has not said in which version, and does not end it soon
 */
export async function reviveBytes(objects: ObjectStore, digest: Digest, now: () => number): Promise<void> {
  const key = condemnedKey(digest)
  for (let waitedMs = 0; ;) {
    const object = await readWhatThereIs(objects, key)
    if (!object) return
    const mark = markIn(object)
    if (mark.etag !== undefined) {
      await endDeath(objects, digest, mark.etag, object.info)
      continue
    }
    if (!isDyingInSecret(mark, now())) {
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
