/** A bell for a loop that sleeps between two looks: rung while it is awake, it does not fall asleep. */
export interface Wake {
  readonly ring: () => void
  /** Resolves when it rings, or after so many milliseconds, or when the signal fires; how does not matter. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** Timers take no more (2^31 - 1 ms). */
const longestSleepMs = 2 ** 31 - 1

export function createWake(): Wake {
  let rung = false
  let wakeUp = (): void => {}

  return {
    ring() {
      rung = true
      wakeUp()
    },
    async sleep(ms, signal) {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(() => wakeUp(), Math.min(ms, longestSleepMs))
          wakeUp = () => {
            clearTimeout(timer)
            signal.removeEventListener('abort', wakeUp)
            resolve()
          }
          signal.addEventListener('abort', wakeUp, { once: true })
        })
        wakeUp = () => {}
      }
      rung = false
    },
  }
}
