import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'

/** Is waited for between two pieces of work that nobody is in a hurry for. */
export type Pace = () => Promise<void>

export interface PaceOptions {
  /** How long it rests after work, as a multiple of how long that took: 1 leaves half of the time to others. */
  readonly restRatio: number
  /** @throws its reason, from the pace */
  readonly signal?: AbortSignal | undefined
  /** Called before each rest. */
  readonly onRest?: (() => void) | undefined
}

/** So long work goes on before others have a turn, in milliseconds. */
const sliceMs = 5

export function createPace({ restRatio, signal, onRest }: PaceOptions): Pace {
  let since = performance.now()
  return async () => {
    signal?.throwIfAborted()
    const busyMs = performance.now() - since
    if (busyMs < sliceMs) return
    onRest?.()
    try {
      await (restRatio > 0 ? delay(busyMs * restRatio, undefined, { signal }) : nextTurn(undefined, { signal }))
    } catch (error) {
      // Timers say only that something was aborted.
      signal?.throwIfAborted()
      throw error
    }
    since = performance.now()
  }
}
