import PQueue from 'p-queue'
import type { Descriptor } from '../../oci/descriptor.ts'
import { algorithmOf, createDigester, type Digest } from '../../oci/digest.ts'
import { Fault } from '../../oci/fault.ts'
import { blobKey } from '../content/content-keys.ts'
import { isUnreadable } from '../is-unreadable.ts'
import type { ObjectInfo, ObjectStore, ReadOptions, StoredObject } from '../object-store.ts'
import { gated, type Gate } from './gated.ts'
import { hashBlob, type HashedBlob, type HashOptions } from './hash-blob.ts'
import { createProofs } from './proofs.ts'
import { createQuarantine, type Quarantine } from './quarantine.ts'

/** What reading a blob whole came to; `damaged` bytes are in quarantine by then. */
export type Verdict = 'right' | 'damaged' | 'gone'

/**
 * Sees to it that damaged bytes are taken for a blob by nobody. One for an object store of this process, so that who reads and
 * who scrubs know what the other has found out.
 */
export interface Integrity {
  /**
   * Opens a blob or a part of it. The last piece is passed on only when all of the blob is known to be right: whole blobs are
   * hashed on their way, and for a part (or a second reader) all is read besides it, unless either was done within the hour.
   * From the bytes: @throws Fault corrupt | unavailable, instead of the last piece
   */
  open(blob: Pick<Descriptor, 'digest' | 'size'>, options?: ReadOptions): Promise<StoredObject | undefined>
  /**
   * Reads a blob whole, and moves it into quarantine if it is damaged.
   * @throws Fault unavailable if the disk fails to give it: it stays there, and is unreadable from then on
   */
  check(digest: Digest, options?: HashOptions): Promise<Verdict>
  /** Before right bytes, which must be at hand, are put where damaged or unreadable ones may lie: takes those away. */
  clear(digest: Digest): Promise<void>
  /** Notes that the bytes that lie there now were right when they came. */
  stored(digest: Digest): Promise<void>
  /** Whether the disk failed to give this version of a blob, twice, when it was read last. */
  isUnreadable(info: Pick<ObjectInfo, 'etag'>, digest: Digest): boolean
  /** All that were found to be so by this process. */
  unreadable(): Iterable<Digest>
  /** Tells of all that goes into quarantine from now on. */
  onDamaged(listener: DamageListener): void
  readonly quarantine: Quarantine
}

export type DamageListener = (digest: Digest, size: number) => void

export interface IntegrityOptions {
  /** Epoch milliseconds. */
  readonly now?: (() => number) | undefined
  readonly quarantine?: Quarantine | undefined
}

/** So many blobs are read whole at a time because somebody asked for a part of them: anybody can ask for a byte of each. */
const mostAtOnce = 4

/** A check that readers wait for. */
interface Judging {
  readonly verdict: Promise<Verdict>
  readers: number
  /** Takes it from the queue, unless it has begun. */
  readonly drop: () => void
}

export function createIntegrity(objects: ObjectStore, options: IntegrityOptions = {}): Integrity {
  const { now = Date.now, quarantine = createQuarantine(objects, { now }) } = options
  const proofs = createProofs({ now })
  const listeners: DamageListener[] = []
  const queue = new PQueue({ concurrency: mostAtOnce })
  const underWay = new Map<Digest, Judging>()
  /** Etags of what could not be read. */
  const unreadable = new Map<Digest, string>()
  /** Blobs that a reader hashes on its way. */
  const beingHashed = new Set<Digest>()

  async function check(digest: Digest, hashing?: HashOptions): Promise<Verdict> {
    // A memory or a cable may have been at fault: what is wrong twice is wrong where it lies.
    for (const isLast of [false, true]) {
      const found = await hashedUnlessUnreadable(digest, isLast, hashing)
      if (found === 'unreadable') continue
      unreadable.delete(digest)
      if (!found) return 'gone'
      const { info, isRight } = found
      if (isRight) {
        proofs.note(digest, info.etag)
        return 'right'
      }
      if (isLast && (await quarantine.take(digest, info))) for (const tell of listeners) tell(digest, info.size)
    }
    return 'damaged'
  }

  async function hashedUnlessUnreadable(
    digest: Digest,
    isLast: boolean,
    hashing?: HashOptions,
  ): Promise<HashedBlob | 'unreadable' | undefined> {
    try {
      return await hashBlob(objects, digest, hashing)
    } catch (error) {
      if (!isUnreadable(error)) throw error
      if (!isLast) return 'unreadable'
      const info = await objects.head(blobKey(digest))
      if (info) unreadable.set(digest, info.etag)
      throw error
    }
  }

  /** One check for all readers that wait for it; once it has begun it goes on when they have left. */
  function join(digest: Digest): Judging {
    const known = underWay.get(digest)
    if (known) {
      known.readers++
      return known
    }
    const dropped = new AbortController()
    let hasBegun = false
    const begin = (): Promise<Verdict> => {
      hasBegun = true
      return check(digest)
    }
    const forget = (): void => void (underWay.get(digest) === judging && underWay.delete(digest))
    const drop = (): void => {
      if (hasBegun) return
      forget()
      dropped.abort(new Fault('unavailable', `nobody waits any more for ${digest} to be read`))
    }
    const verdict = queue.add(begin, { signal: dropped.signal }).finally(() => forget())
    const judging: Judging = { verdict, readers: 1, drop }
    // Who waits hears of a failure; there may be nobody.
    verdict.catch(() => undefined)
    underWay.set(digest, judging)
    return judging
  }

  const checkNow = (digest: Digest): Promise<Verdict> => join(digest).verdict

  function hashed(digest: Digest, { info, bytes }: StoredObject): AsyncIterable<Uint8Array> {
    const digester = createDigester(algorithmOf(digest))
    let left = info.size
    const gate: Gate = async (chunk) => {
      digester.update(chunk)
      left -= chunk.length
      if (left > 0) return
      if (digester.digest() !== digest) throw faultOf(digest, await checkNow(digest))
      proofs.note(digest, info.etag)
    }
    beingHashed.add(digest)
    return gated(bytes, gate, (error) => {
      beingHashed.delete(digest)
      if (isUnreadable(error)) void checkNow(digest)
    })
  }

  function judged(digest: Digest, bytes: AsyncIterable<Uint8Array>, length: number): AsyncIterable<Uint8Array> {
    const judging = join(digest)
    let [left, isOver] = [length, false]
    const gate: Gate = async (chunk) => {
      left -= chunk.length
      if (left > 0) return
      const verdict = await judging.verdict
      if (verdict !== 'right') throw faultOf(digest, verdict)
    }
    return gated(bytes, gate, () => {
      if (!isOver && --judging.readers === 0) judging.drop()
      isOver = true
    })
  }

  return {
    check,
    quarantine,
    isUnreadable: ({ etag }, digest) => unreadable.get(digest) === etag,
    unreadable: () => unreadable.keys(),
    onDamaged: (listener) => void listeners.push(listener),

    async open({ digest, size }, read = {}) {
      const object = await objects.get(blobKey(digest), read).catch((error: unknown) => {
        if (isUnreadable(error)) void checkNow(digest)
        throw error
      })
      if (!object || proofs.has(digest, object.info.etag)) return object
      const { info, bytes } = object
      if (info.size !== size) {
        await bytes[Symbol.asyncIterator]().return?.()
        throw faultOf(digest, await checkNow(digest))
      }
      const { offset = 0, length: most = Infinity } = read
      const length = Math.min(info.size - offset, most)
      if (length <= 0) return object
      // A thousand readers at once need not hash it a thousand times.
      const isHashed = length === info.size && !beingHashed.has(digest)
      return { info, bytes: isHashed ? hashed(digest, object) : judged(digest, bytes, length) }
    },

    async clear(digest) {
      const info = await objects.head(blobKey(digest))
      if (!info || proofs.has(digest, info.etag)) return
      try {
        await checkNow(digest)
      } catch (error) {
        if (!isUnreadable(error)) throw error
        await objects.delete(info.key, info.etag)
        unreadable.delete(digest)
      }
    },

    async stored(digest) {
      const info = await objects.head(blobKey(digest))
      if (info) proofs.note(digest, info.etag)
    },
  }
}

function faultOf(digest: Digest, verdict: Verdict): Fault {
  if (verdict === 'damaged') {
    return new Fault('corrupt', `${digest} was damaged in the store, and is not served any more; bring it again`)
  }
  const what = verdict === 'gone' ? 'was deleted while it was read' : 'was read wrongly, though it lies there right'
  return new Fault('unavailable', `${digest} ${what}; ask again`)
}
