/** A clock that stands at a time and goes on only when it is told to, with everything that waits on it. */
export interface SimulatedTime {
  /** Milliseconds. */
  now(): number
  /** Runs something at a time; the result takes it back. */
  at(time: number, run: () => void): () => void
  /** Goes on, from one thing that is due to the next; `onStep` is called after each, once all that follows from it is done. */
  runUntil(time: number, onStep?: () => void): Promise<void>
}

export function createSimulatedTime(): SimulatedTime {
  let now = 0
  let count = 0
  let due: { readonly time: number; readonly order: number; readonly run: () => void }[] = []

  return {
    now: () => now,
    at(time, run) {
      const entry = { time: Math.max(time, now), order: count++, run }
      due.push(entry)
      return () => void (due = due.filter((other) => other !== entry))
    },
    async runUntil(end, onStep) {
      for (;;) {
        await settled()
        onStep?.()
        const [next] = due.toSorted((a, b) => a.time - b.time || a.order - b.order)
        if (!next || next.time > end) break
        due = due.filter((entry) => entry !== next)
        now = next.time
        next.run()
      }
      now = end
    },
  }
}

/** Whatever follows by promises alone has happened then. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
