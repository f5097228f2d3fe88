import type { CondemnedMark } from '../content/condemned-blobs.ts'
import { isDyingInSecret } from '../content/condemned-blobs.ts'

export interface BytesInput {
  /** The mark that was there before links were listed. */
  readonly mark: CondemnedMark | undefined
  /** Whether a link was found. */
  readonly wasLinked: boolean
  /** Whether one of the links that were found is left. */
  readonly isLinked: boolean
  /** Whether the bytes are there, and when they came, epoch milliseconds. */
  readonly changedAt: number | undefined
  /** Whether a death that nobody else can end can only be of a process that has ended. */
  readonly isAlone: boolean
  /** When the collection began, epoch milliseconds. */
  readonly now: number
  readonly youngMs: number
}

/** What is to become of bytes: `pardon` takes the mark away, `kill` deletes bytes, in the version that the mark says if it does, and mark. */
export type BytesVerdict = 'leave' | 'condemn' | 'pardon' | 'kill'

/**
 * Decides about the bytes of one digest. Whoever linked them since the mark was written has taken it away, so what is killed
 * is what no link was found to by a collection that saw the mark first.
 */
export function planBytes(input: BytesInput): BytesVerdict {
  const { mark, isLinked, changedAt, now, youngMs } = input
  if (mark) return planMarked(mark, input)
  if (isLinked || changedAt === undefined) return 'leave'
  // What came by a clock ahead is not young until then.
  return Math.abs(now - changedAt) < youngMs ? 'leave' : 'condemn'
}

function planMarked(mark: CondemnedMark, { wasLinked, isLinked, changedAt, isAlone, now }: BytesInput): BytesVerdict {
  if (!isAlone && isDyingInSecret(mark, now)) return 'leave'
  if (changedAt === undefined) return 'pardon'
  // Whoever linked them since is about to do the same, or has brought another version.
  if (mark.etag !== undefined) return 'kill'
  if (isLinked) return 'pardon'
  return wasLinked ? 'leave' : 'kill'
}
