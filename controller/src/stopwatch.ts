/** Adds up how long work took that keeps the thread. */
export interface Stopwatch {
  time<T>(work: () => T): T
  /** What it came to since it was last asked, in milliseconds. */
  take(): number
}

/** @param steadyNow milliseconds, from any beginning, never going back */
export function createStopwatch(steadyNow: () => number): Stopwatch {
  let totalMs = 0
  return {
    time(work) {
      const begunAt = steadyNow()
      try {
        return work()
      } finally {
        totalMs += steadyNow() - begunAt
      }
    },
    take() {
      const taken = totalMs
      totalMs = 0
      return taken
    },
  }
}
