import { isFault } from '../../oci/fault.ts'
import type { RunOperation } from '../../operations/operation.ts'
import { digestOfBlobKey } from '../content/content-keys.ts'
import type { ObjectStore } from '../object-store.ts'
import { createByteRate } from './byte-rate.ts'
import type { Integrity } from './integrity.ts'
import type { Mender } from './mender.ts'
import { scrubBlobs, type ScrubTrouble } from './scrub-blobs.ts'
import type { ScrubOptions, ScrubProgress, ScrubResult } from './scrub-operation.ts'

export interface ScrubNowContext {
  readonly objects: ObjectStore
  readonly integrity: Integrity
  readonly mender: Pick<Mender, 'mend' | 'missed'>
}

/** So many are told one by one. */
const mostTold = 10_000

/**
 * Re-hashes everything from the beginning, whatever another scrub is at, and has what is damaged brought back, also what was
 * found so at another time and is missed since.
 */
export function scrubNow({
  objects,
  integrity,
  mender,
}: ScrubNowContext): RunOperation<ScrubOptions, ScrubProgress, ScrubResult> {
  return async ({ bytesPerSecond }, { signal, onProgress }) => {
    const begunAt = performance.now()
    const elapsedMs = (): number => Math.round(performance.now() - begunAt)
    const total = await sizeOf(objects, signal)
    const troubles: ScrubTrouble[] = []
    let [blobs, bytes] = [0, 0]
    const tell = (): void => {
      onProgress({ blobs, blobsTotal: total.blobs, bytes, bytesTotal: total.bytes, elapsedMs: elapsedMs() })
    }
    const tally = await scrubBlobs({
      objects,
      integrity,
      rate: createByteRate({ bytesPerSecond }),
      signal,
      onBytes: (more) => {
        bytes += more
        tell()
      },
      onBlob: ({ tally: sofar }) => {
        blobs = sofar.blobs
        bytes = sofar.bytes
        tell()
      },
      onTrouble: (trouble) => void (troubles.length < mostTold && troubles.push(trouble)),
    })
    const told: ScrubResult['troubles'] = []
    for (const trouble of troubles) told.push(await outcomeOf(trouble, mender, signal))
    told.push(...(await missedSince(troubles, { mender, signal, most: mostTold - told.length })))
    return { ...tally, elapsedMs: elapsedMs(), troubles: told }
  }
}

interface MissedSinceOptions extends Pick<ScrubNowContext, 'mender'> {
  readonly signal: AbortSignal
  readonly most: number
}

/** What was found damaged at another time and could not be brought back until now, besides these. */
async function missedSince(
  troubles: readonly ScrubTrouble[],
  { mender, signal, most }: MissedSinceOptions,
): Promise<ScrubResult['troubles']> {
  const found = new Set(troubles.map(({ digest }) => digest))
  const missed: ScrubResult['troubles'] = []
  for await (const digest of mender.missed()) {
    signal.throwIfAborted()
    if (missed.length >= most) break
    if (found.has(digest)) continue
    const outcome = await outcomeOf({ digest, kind: 'damaged' }, mender, signal)
    if (!outcome.isSettled) missed.push(outcome)
  }
  return missed
}

async function sizeOf(
  objects: Pick<ObjectStore, 'list'>,
  signal: AbortSignal,
): Promise<{ readonly blobs: number; readonly bytes: number }> {
  let [blobs, bytes] = [0, 0]
  for await (const { key, size } of objects.list('blobs/', { inBackground: true })) {
    signal.throwIfAborted()
    if (!digestOfBlobKey(key)) continue
    blobs++
    bytes += size
  }
  return { blobs, bytes }
}

const sayings = {
  mended: 'was damaged; the right bytes are there again',
  unneeded: 'was damaged, and no repository has it: nothing is missing',
  missed: 'is damaged, and not served any more: push it again, or copy it here again',
} as const

/** Has a damaged blob brought back, and says what came of it. */
async function outcomeOf(
  { digest, kind, reason = '' }: ScrubTrouble,
  mender: Pick<Mender, 'mend'>,
  signal: AbortSignal,
): Promise<ScrubResult['troubles'][number]> {
  try {
    const mending = await mender.mend(digest, { signal })
    if (kind === 'unreadable') {
      const isSettled = mending === 'mended'
      return {
        digest,
        kind,
        says: isSettled ? 'could not be read; the right bytes are there again' : reason,
        isSettled,
      }
    }
    return { digest, kind, says: sayings[mending], isSettled: mending !== 'missed' }
  } catch (error) {
    if (!isFault(error)) throw error
    if (kind === 'unreadable') return { digest, kind, says: reason, isSettled: false }
    const says = `is damaged, and not served any more; it could not be fetched again: ${error.message}`
    return { digest, kind, says, isSettled: false }
  }
}
