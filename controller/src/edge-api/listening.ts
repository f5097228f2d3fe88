import type { Listening } from '../plan/reachable.ts'

export interface ListenOptions {
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly graceMs: number
  /** Who did nothing for so long was not there: the process or its machine stood still, or the clock was set. In milliseconds. */
  readonly lapseMs: number
}

/** Since when nodes can reach this centre. To be asked now and then, at least twice in `lapseMs`, so that it knows that it is there. */
export function createListening({ now, graceMs, lapseMs }: ListenOptions): () => Listening {
  let since = now()
  let lastThereAt = since
  return () => {
    const at = now()
    if (at - lastThereAt > lapseMs) since = at
    lastThereAt = at
    return { since, graceMs }
  }
}
