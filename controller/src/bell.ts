/** Wakes one loop: rings are remembered until the loop waits again, and many of them are one. */
export interface Bell {
  ring(): void
  /** Resolves after a ring, after `timeoutMs`, or when `signal` aborts. Only one may wait. */
  wait(options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<'rung' | 'timeout' | 'aborted'>
}

/** Timers hold no more than this; a longer wait ends early, which a level-based loop does not mind. */
const longestWaitMs = 2 ** 31 - 1

export function createBell(): Bell {
  let rung = false
  let wake = (): void => undefined

  return {
    ring() {
      rung = true
      wake()
    },

    async wait({ timeoutMs, signal }) {
      if (!rung && !signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<undefined>()
        wake = () => resolve(undefined)
        const timer = setTimeout(wake, Math.max(0, Math.min(timeoutMs, longestWaitMs)))
        signal.addEventListener('abort', wake)
        await promise
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
      }
      if (signal.aborted) return 'aborted'
      const woken = rung ? 'rung' : 'timeout'
      rung = false
      return woken
    },
  }
}
