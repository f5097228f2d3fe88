import PQueue from 'p-queue'
import { nextSegmentSize } from './upload-state.ts'

/** What the uploads of a process may hold in memory, all together. */
export interface UploadMemory {
  /** How many bytes each one may hold now that are in no segment yet. */
  share(): number
  /** Counts one that bytes come for, until it is disposed of. */
  enter(): Disposable
  /** Work that holds a whole segment in memory, of which only so much is done at a time. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
}

/** Bytes that fill, or are on their way to the bucket; four segments in turn come on top of that. */
const budget = 128 * 1024 * 1024
const turns = 4
/** With more uploads than this leaves room for the budget does not hold: smaller pieces would be nothing but requests. */
const smallestShare = 256 * 1024

export function createUploadMemory(bytes: number = budget): UploadMemory {
  const queue = new PQueue({ concurrency: turns })
  let uploads = 0
  return {
    share() {
      // One segment fills while the one before it is on its way.
      const each = bytes / (2 * Math.max(1, uploads))
      // A crumb is there once more while it is stored, and what comes meanwhile.
      return Math.max(smallestShare, each >= nextSegmentSize(0) ? each : each / 2)
    },
    enter() {
      uploads++
      return { [Symbol.dispose]: () => void uploads-- }
    },
    inTurn: (work) => queue.add(work),
  }
}
