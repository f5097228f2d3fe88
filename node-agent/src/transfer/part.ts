import type { Hash } from 'node:crypto'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { algorithmOf } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import type { OpenFile } from '../files/file-system.ts'
import type { Extent, PartJournal } from '../state/part-journal.ts'
import type { ExtentHasher } from './extent-hasher.ts'

/** How far a part file has come: what must be known to go on with it without reading it again. */
export interface PartProgress {
  /** Bytes written. */
  length: number
  /** Bytes that lie on the disk for certain and are noted in the journal. */
  durableLength: number
  /** Bytes written since the journal last counted what came. */
  uncounted: number
  readonly hash: Hash
  readonly extentHasher: ExtentHasher
  /** Extents that are not noted yet. */
  unnoted: Extent[]
}

/** A half-fetched blob, open for more. Disposing of it makes durable what came. */
export interface Part extends AsyncDisposable {
  /** Where the next byte belongs. */
  readonly length: number
  /** @throws Fault corrupt (more bytes than the blob has) | no-space */
  write(chunk: Uint8Array): Promise<void>
  /** Whether the bytes are the promised ones, once all are there; durable by then. */
  isRight(): Promise<boolean>
}

export interface PartOptions {
  readonly blob: Descriptor
  readonly file: OpenFile
  readonly progress: PartProgress
  readonly journal: PartJournal
  /** Lets go of the file. */
  readonly close: () => Promise<void>
  /** Longest time between two syncs while bytes come, in milliseconds. */
  readonly syncEveryMs: number
  /** Milliseconds, from any beginning, never going back. */
  readonly monotonicNow: () => number
}

/**
 * Writes a part file and its journal: bytes first, then their sync, then the note that they are there. Bytes go on being
 * written while the disk syncs those before them: what waits outside the file is lost with the process.
 */
export function createPart({ blob, file, progress, journal, close, ...options }: PartOptions): Part {
  const { syncEveryMs, monotonicNow } = options
  let syncedAt = monotonicNow()
  let background: Promise<void> | undefined
  let failure: { readonly error: unknown } | undefined

  async function sync(): Promise<void> {
    syncedAt = monotonicNow()
    const { length, uncounted } = progress
    if (progress.durableLength === length) return
    progress.unnoted.push(...progress.extentHasher.take())
    const noted = progress.unnoted.length
    await file.sync()
    await journal.record(blob.digest, progress.unnoted.slice(0, noted), uncounted)
    progress.durableLength = length
    progress.uncounted -= uncounted
    progress.unnoted.splice(0, noted)
  }

  function beginSync(): void {
    background ??= sync()
      .catch((error: unknown) => void (failure = { error }))
      .finally(() => (background = undefined))
  }

  async function syncAll(): Promise<void> {
    await background
    if (failure) throw failure.error
    await sync()
  }

  return {
    get length() {
      return progress.length
    },

    async write(chunk) {
      if (failure) throw failure.error
      if (progress.length + chunk.length > blob.size) {
        throw new Fault('corrupt', `${blob.digest}: more than the promised ${blob.size} bytes came`)
      }
      await file.write(chunk, progress.length)
      progress.hash.update(chunk)
      progress.extentHasher.update(chunk)
      progress.length += chunk.length
      progress.uncounted += chunk.length
      if (monotonicNow() - syncedAt >= syncEveryMs) beginSync()
    },

    async isRight() {
      await syncAll()
      return `${algorithmOf(blob.digest)}:${progress.hash.copy().digest('hex')}` === blob.digest
    },

    async [Symbol.asyncDispose]() {
      try {
        await syncAll()
      } catch {
        // Whoever wrote has heard of a worse failure already; what is not noted merely has to come again.
      } finally {
        await close()
      }
    },
  }
}
