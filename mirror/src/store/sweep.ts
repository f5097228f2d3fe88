/** What may be swept away. */
export interface SweepOptions {
  /** What was written within this time is left alone, in milliseconds: it may be about to be named. */
  readonly unusedMs: number
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly signal?: AbortSignal | undefined
}

/** What was swept away. */
export interface Swept {
  readonly objects: number
  readonly bytes: number
}
