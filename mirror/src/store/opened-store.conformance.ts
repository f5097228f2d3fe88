import type { ObjectStore } from './object-store.ts'

/** A store to try, and how its next process would find it. */
export interface OpenedStore extends AsyncDisposable {
  readonly store: ObjectStore
  /** Closes the store and opens what it left behind. */
  reopen(): Promise<ObjectStore>
}
