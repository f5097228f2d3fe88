import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'

/** Is waited for between two pieces of work that nobody is in a hurry for. */
export type Pace = () => Promise<void>

export interface PaceOptions {
  /**
   * How long it rests after work, as a multiple of how long that kept the process busy: 1 leaves half of the time to others. What
   * others did meanwhile counts, too: the busier they are, the longer it rests. For time that was spent waiting it rests as long.
   */
  readonly restRatio: number
  /** @throws its reason, from the pace */
  readonly signal?: AbortSignal | undefined
  /** Called before each rest. */
  readonly onRest?: (() => void) | undefined
}

/** So long work goes on before others have a turn, in milliseconds: a request may have to wait for as long. */
const sliceMs = 0.5
/** Where everybody is busy all the time, work goes on nevertheless. */
const longestRestMs = 200

export function createPace({ restRatio, signal, onRest }: PaceOptions): Pace {
  let since = performance.now()
  let usage = performance.eventLoopUtilization()
  return async () => {
    signal?.throwIfAborted()
    const passedMs = performance.now() - since
    if (passedMs < sliceMs) return
    onRest?.()
    const { active: busyMs } = performance.eventLoopUtilization(usage)
    const waitedMs = Math.max(0, passedMs - busyMs)
    const restMs = Math.min(longestRestMs, busyMs * restRatio + waitedMs * Math.min(1, restRatio))
    try {
      await (restRatio > 0 ? delay(restMs, undefined, { signal }) : nextTurn(undefined, { signal }))
    } catch (error) {
      // Timers say only that something was aborted.
      signal?.throwIfAborted()
      throw error
    }
    since = performance.now()
    usage = performance.eventLoopUtilization()
  }
}
