/** How fast a counter grew of late. */
export interface RateWindow {
  /** Notes what the counter shows at a time in milliseconds; returns its growth per second over the window. */
  add(atMs: number, count: number): number
}

/** Looks back `windowMs` at most. */
export function createRateWindow(windowMs: number): RateWindow {
  let samples: { atMs: number; count: number }[] = []
  return {
    add(atMs, count) {
      samples = [...samples.filter((sample) => sample.atMs >= atMs - windowMs), { atMs, count }]
      const first = samples[0]!
      return atMs > first.atMs ? ((count - first.count) * 1000) / (atMs - first.atMs) : 0
    },
  }
}
