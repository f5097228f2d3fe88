import type { OpenFile } from '../file-system.ts'

/** Makes a file durable while more is written to it, so that at the end little is left to wait for. */
export interface SyncBehind extends AsyncDisposable {
  /** Notes that so many bytes were written. @throws what a sync that was begun earlier failed with: the system tells that once */
  wrote(bytes: number): Promise<void>
  /** Makes all of it durable. @throws as `wrote` */
  finish(): Promise<void>
}

/** So many bytes wait for a sync before one begins. */
const defaultStride = 16 * 1024 * 1024

/** Disposing waits for the sync that is under way: the file may be closed then. */
export function createSyncBehind(file: Pick<OpenFile, 'sync'>, stride: number = defaultStride): SyncBehind {
  let waiting = 0
  let isSyncing = false
  let syncing = Promise.resolve()

  async function sync(): Promise<void> {
    isSyncing = true
    try {
      await file.sync()
    } finally {
      isSyncing = false
    }
  }

  return {
    async wrote(bytes) {
      waiting += bytes
      if (waiting < stride || isSyncing) return
      await syncing
      waiting = 0
      syncing = sync()
      // It is told to who writes next, or at the end.
      syncing.catch(() => {})
    },

    async finish() {
      await syncing
      await file.sync()
    },

    async [Symbol.asyncDispose]() {
      await syncing.catch(() => {})
    },
  }
}
