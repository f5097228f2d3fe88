import type { Digest } from '../../oci/digest.ts'
import { isFault } from '../../oci/fault.ts'
import { digestOfBlobKey } from '../content/content-keys.ts'
import type { ObjectInfo, ObjectStore } from '../object-store.ts'
import type { ByteRate } from './byte-rate.ts'
import type { Integrity, Verdict } from './integrity.ts'
import { emptyTally, type ScrubTally } from './scrub-tally.ts'

export interface ScrubBlobsOptions {
  readonly objects: Pick<ObjectStore, 'list'>
  readonly integrity: Pick<Integrity, 'check'>
  readonly rate: ByteRate
  readonly signal: AbortSignal
  /** The key behind which to go on, and what came before. */
  readonly from?: ScrubPlace | undefined
  /** Is waited for after each piece that was read. */
  readonly onBytes?: ((bytes: number) => Promise<void> | void) | undefined
  /** Is waited for after each blob. */
  readonly onBlob?: ((place: ScrubPlace) => Promise<void> | void) | undefined
  /** Is told of those that are not right. */
  readonly onTrouble?: ((trouble: ScrubTrouble) => void) | undefined
}

/** How far through the keys of all blobs a pass is. */
export interface ScrubPlace {
  readonly after: string
  readonly tally: ScrubTally
}

export interface ScrubTrouble {
  readonly digest: Digest
  readonly kind: 'damaged' | 'unreadable'
  /** Why it could not be read. */
  readonly reason?: string | undefined
}

/** A small blob costs a disk as much as some more bytes would. */
const leastCost = 16 * 1024
/** So many in a row that cannot be read are no sectors that went bad: the store is away. */
const mostUnreadable = 5

/**
 * Re-hashes blobs and manifests in the order of their keys. What comes meanwhile may be left out.
 * @throws Fault unavailable if the store is; the reason of the signal
 */
export async function scrubBlobs(options: ScrubBlobsOptions): Promise<ScrubTally> {
  const { objects, integrity, rate, signal, from, onBytes, onBlob, onTrouble } = options
  let tally = from?.tally ?? emptyTally
  let unreadableInRow = 0

  async function checked({ size }: ObjectInfo, digest: Digest): Promise<Verdict | 'unreadable'> {
    try {
      if (size < leastCost) await rate(leastCost - size, { signal })
      const verdict = await integrity.check(digest, {
        signal,
        onBytes: async (bytes) => {
          await onBytes?.(bytes)
          await rate(bytes, { signal })
        },
      })
      unreadableInRow = 0
      return verdict
    } catch (error) {
      if (!isFault(error, 'unavailable') || ++unreadableInRow >= mostUnreadable) throw error
      onTrouble?.({ digest, kind: 'unreadable', reason: error.message })
      return 'unreadable'
    }
  }

  for await (const info of objects.list('blobs/', { after: from?.after })) {
    const digest = digestOfBlobKey(info.key)
    if (!digest) continue
    const verdict = await checked(info, digest)
    if (verdict === 'damaged') onTrouble?.({ digest, kind: 'damaged' })
    if (verdict !== 'gone') tally = withBlob(tally, info.size, verdict)
    await onBlob?.({ after: info.key, tally })
  }
  return tally
}

function withBlob(tally: ScrubTally, size: number, verdict: Verdict | 'unreadable'): ScrubTally {
  return {
    blobs: tally.blobs + 1,
    bytes: tally.bytes + size,
    damaged: tally.damaged + (verdict === 'damaged' ? 1 : 0),
    unreadable: tally.unreadable + (verdict === 'unreadable' ? 1 : 0),
  }
}
