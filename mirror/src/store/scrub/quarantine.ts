import * as z from 'zod'
import { algorithmOf, hexOf, isDigest, type Digest } from '../../oci/digest.ts'
import { isFault } from '../../oci/fault.ts'
import { ingestId } from '../content/content-keys.ts'
import { isUnreadable } from '../is-unreadable.ts'
import type { ObjectInfo, ObjectStore } from '../object-store.ts'
import { createRecords } from '../records.ts'

const recordSchema = z.object({
  version: z.literal(1),
  /** Of what was found, bytes. */
  size: z.number().int().nonnegative(),
  /** Epoch milliseconds. */
  foundAt: z.number(),
  /** Whether the damaged bytes are kept for somebody to look at. */
  isKept: z.boolean(),
  /** When the right bytes were there again, or no repository named them any more, epoch milliseconds; null while they are missed. */
  settledAt: z.number().nullable(),
})
type QuarantineRecord = z.infer<typeof recordSchema>

/** A blob whose bytes were not those of its digest. */
export interface Quarantined extends Omit<QuarantineRecord, 'version'> {
  readonly digest: Digest
}

/** What was found damaged: out of the way of everybody who asks for it, and written down. */
export interface Quarantine {
  /**
   * Moves damaged bytes aside, in the version that was found; says whether it did, or somebody had replaced them. Where they
   * have to be copied, and there is no room for that, they are only written down.
   */
  take(digest: Digest, found: ObjectInfo): Promise<boolean>
  /** All that was ever taken. */
  list(): AsyncIterable<Quarantined>
  /** Writes down that nobody misses it any more; says whether somebody did until then. */
  settle(digest: Digest): Promise<boolean>
  /** Gives up the damaged bytes of a blob, for the room that they take; says whether there were any. */
  drop(digest: Digest): Promise<boolean>
}

export interface QuarantineOptions {
  /** Epoch milliseconds. */
  readonly now: () => number
  /**
   * What is kept of damaged bytes; those that were found first go first. Those that were moved, and are missed still, take no
   * more room than before, may be all that there is, and do not count.
   */
  readonly maxBytes?: number | undefined
}

/** Enough to see what a disk or a memory does to bytes. */
const defaultRoom = 1024 * 1024 * 1024

const recordsPrefix = 'quarantine/records/'

/** Where an operator finds the damaged bytes. */
export function quarantineKey(digest: Digest): string {
  return `quarantine/bytes/${algorithmOf(digest)}/${hexOf(digest)}`
}

export function createQuarantine(objects: ObjectStore, { now, maxBytes = defaultRoom }: QuarantineOptions): Quarantine {
  const records = createRecords(objects, { prefix: recordsPrefix, schema: recordSchema })
  /**
   * What is kept and missed no more, from when that was asked for first: to read all records again for each blob that is mended
   * takes long after a bad memory. Only where files are moved, since nobody but this process writes there.
   */
  let spare: Map<Digest, Quarantined> | undefined

  /** A record that is damaged itself says nothing. */
  async function recordOf(digest: Digest): Promise<QuarantineRecord | undefined> {
    try {
      return await records.get(digest)
    } catch (error) {
      if (isFault(error, 'invalid') || isUnreadable(error)) return undefined
      throw error
    }
  }

  /** It could not be replaced. */
  async function dropDamagedRecord(digest: Digest): Promise<void> {
    const info = await objects.head(`${recordsPrefix}${digest}.json`)
    if (info && !(await recordOf(digest))) await records.delete(digest, info.etag)
  }

  async function* list(): AsyncGenerator<Quarantined> {
    for await (const { key } of objects.list(recordsPrefix)) {
      const digest = key.slice(recordsPrefix.length, -'.json'.length)
      const record = isDigest(digest) ? await recordOf(digest) : undefined
      if (!record || !isDigest(digest)) continue
      const { size, foundAt, isKept, settledAt } = record
      yield { digest, size, foundAt, isKept, settledAt }
    }
  }

  /** A file goes there itself: if only the memory's image of it is wrong, the copy would be, too. */
  async function putAside(digest: Digest, found: ObjectInfo, isKept: boolean): Promise<boolean> {
    if (!isKept || !objects.move) return await objects.delete(found.key, found.etag)
    return await objects.move(found.key, found.etag, quarantineKey(digest))
  }

  /** The copy is whole before what it was made of goes: a process that ends between leaves both, and that is found again. */
  async function copy(digest: Digest, { key, size }: ObjectInfo): Promise<boolean> {
    if (size > maxBytes) return false
    await makeRoom(size, await keptOnes((each) => each.digest !== digest))
    try {
      // What an earlier process copied before it ended is not copied again.
      await using upload = await objects.openUpload(`${ingestId(digest)}-damaged`)
      const object = await objects.get(key, { offset: upload.size, isOnce: true, isFresh: true })
      if (!object) return false
      await upload.append(object.bytes)
      await upload.publish(quarantineKey(digest))
      return true
    } catch (error) {
      // To have it out of the way matters more than to have a copy of it.
      if (isFault(error, 'no-space') || isFault(error, 'conflict') || isFault(error, 'corrupt')) return false
      throw error
    }
  }

  async function keptOnes(isMeant: (each: Quarantined) => boolean): Promise<Quarantined[]> {
    return (await Array.fromAsync(list())).filter((each) => each.isKept && isMeant(each))
  }

  async function spareOnes(): Promise<Map<Digest, Quarantined>> {
    if (spare) return spare
    const found = await keptOnes(({ settledAt }) => settledAt !== null)
    return (spare ??= new Map(found.map((each) => [each.digest, each])))
  }

  async function makeRoom(bytes: number, kept: readonly Quarantined[]): Promise<void> {
    let total = kept.reduce((sum, each) => sum + each.size, bytes)
    for (const oldest of kept.toSorted((a, b) => a.foundAt - b.foundAt)) {
      if (total <= maxBytes) break
      await drop(oldest.digest)
      total -= oldest.size
    }
  }

  async function drop(digest: Digest): Promise<boolean> {
    const isDropped = await objects.delete(quarantineKey(digest))
    await records.update(digest, (record) => (record?.isKept ? { ...record, isKept: false } : undefined))
    spare?.delete(digest)
    return isDropped
  }

  return {
    list,
    drop,

    async take(digest, found) {
      const isKept = objects.move !== undefined || (await copy(digest, found))
      const record: QuarantineRecord = { version: 1, size: found.size, foundAt: now(), isKept, settledAt: null }
      await dropDamagedRecord(digest)
      // A copy that lies there already stays: of another replica that found the same, or from an earlier time.
      await records.update(digest, (old) => ({ ...record, isKept: isKept || (old?.isKept ?? false) }))
      spare?.delete(digest)
      return await putAside(digest, found, isKept)
    },

    async settle(digest) {
      const others = objects.move && (await spareOnes())
      let wasMissed = false
      const settled = await records.update(digest, (record) => {
        wasMissed = record?.settledAt === null
        return record && wasMissed ? { ...record, settledAt: now() } : undefined
      })
      if (!settled || !wasMissed || !others) return wasMissed
      if (settled.isKept) others.set(digest, { digest, ...settled })
      await makeRoom(0, [...others.values()])
      return true
    },
  }
}
