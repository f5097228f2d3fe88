import type { Digest } from '../../oci/digest.ts'
import { endDeath, formatMark, markIn, type CondemnedMark } from '../content/condemned-blobs.ts'
import { condemnedKey, condemnedPrefix, digestOfBlobKey, digestOfCondemnedKey } from '../content/content-keys.ts'
import { listWithBytes, type ListWithBytesOptions } from '../list-with-bytes.ts'
import type { ObjectInfo, ObjectStore } from '../object-store.ts'
import type { Pace } from './pace.ts'
import { severalAtOnce } from './several-at-once.ts'
import { planBytes, type BytesVerdict } from './plan-bytes.ts'

/** A mark that was there before links were listed. */
interface ReadMark extends CondemnedMark {
  readonly info: ObjectInfo
}

export type ReadMarks = ReadonlyMap<Digest, ReadMark>

export async function readMarks(
  objects: ObjectStore,
  listed: Pick<ListWithBytesOptions, 'inBackground'> = {},
): Promise<ReadMarks> {
  const marks = new Map<Digest, ReadMark>()
  const listing = { ...listed, bringUpTo: 1024, isOnce: true, withUnreadable: true }
  for await (const object of listWithBytes(objects, condemnedPrefix, listing)) {
    const digest = digestOfCondemnedKey(object.info.key)
    if (digest) marks.set(digest, { ...markIn(object), info: object.info })
  }
  return marks
}

export interface CollectBytesOptions {
  readonly objects: ObjectStore
  readonly marks: ReadMarks
  /** What links were found to. */
  readonly seen: ReadonlySet<Digest>
  /** And are left to. */
  readonly linked: ReadonlySet<Digest>
  readonly isAlone: boolean
  /** When the collection began, epoch milliseconds. */
  readonly now: number
  /** The time, epoch milliseconds. */
  readonly clock: () => number
  readonly youngMs: number
  readonly pace: Pace
  /** Is kept up to date. */
  readonly progress: { blobs: number; condemned: number; deleted: number }
  readonly isDryRun: boolean
}

/** What became of bytes that no repository links. */
export interface CollectedBytes {
  readonly blobs: number
  readonly condemned: number
  readonly deleted: number
  readonly bytesDeleted: number
  /** Of those that were condemned now or before, and are there still. */
  readonly bytesCondemned: number
}

/** Decides about the bytes of all blobs and carries it out. */
export async function collectBytes(options: CollectBytesOptions): Promise<CollectedBytes> {
  const { objects, marks, seen, linked, clock, pace, progress, isDryRun } = options
  const result = { blobs: 0, condemned: 0, deleted: 0, bytesDeleted: 0, bytesCondemned: 0 }
  const left = new Set(marks.keys())
  await severalAtOnce(objects.list('blobs/', { inBackground: true }), pace, async (info) => {
    const digest = digestOfBlobKey(info.key)
    if (!digest) return
    result.blobs++
    progress.blobs++
    left.delete(digest)
    await carryOut(verdictOn(digest, info.changedAt), digest, info)
  })
  for (const digest of left) if (verdictOn(digest, undefined) === 'pardon') await pardon(digest)
  return result

  async function carryOut(verdict: BytesVerdict, digest: Digest, info: ObjectInfo): Promise<void> {
    if (verdict === 'pardon') return await pardon(digest)
    if (verdict === 'condemn') await condemn(digest)
    if (verdict === 'kill' && (isDryRun || (await kill(digest, info)))) {
      result.deleted++
      progress.deleted++
      result.bytesDeleted += info.size
    } else if (verdict === 'condemn' || marks.has(digest)) {
      result.bytesCondemned += info.size
    }
  }

  async function condemn(digest: Digest): Promise<void> {
    result.condemned++
    progress.condemned++
    if (!isDryRun) await objects.putIfAbsent(condemnedKey(digest), formatMark({ at: clock(), isDying: false }))
  }

  function verdictOn(digest: Digest, changedAt: number | undefined): BytesVerdict {
    const [mark, wasLinked, isLinked] = [marks.get(digest), seen.has(digest), linked.has(digest)]
    return planBytes({ ...options, mark, wasLinked, isLinked, changedAt })
  }

  async function pardon(digest: Digest): Promise<void> {
    const mark = marks.get(digest)
    if (mark && !isDryRun) await objects.delete(mark.info.key, mark.info.etag)
  }

  /** The decision is the one conditional put; what follows it anybody does who meets the mark. */
  async function kill(digest: Digest, { etag }: ObjectInfo): Promise<boolean> {
    const mark = marks.get(digest)
    if (!mark) return false
    if (mark.etag !== undefined) return await endDeath(objects, digest, mark.etag, mark.info)
    const death = formatMark({ at: clock(), isDying: true, etag })
    const dying = await objects.putIfMatch(mark.info.key, mark.info.etag, death)
    return dying !== undefined && (await endDeath(objects, digest, etag, dying))
  }
}
