/** What time it is by the centre's clock: clocks of nodes may be years away, and nobody is told. */
export interface CentreClock {
  /** Epoch milliseconds, to the second or so; undefined until the centre was heard of once. */
  now(): number | undefined
  /** It has answered, and told its time in epoch milliseconds; undefined if something on the way took that out. */
  heard(date: number | undefined): void
}

export interface CentreClockOptions {
  /** The node's own clock, for want of a better one: epoch milliseconds. */
  readonly now: () => number
  /** Milliseconds, from any beginning, never going back. */
  readonly monotonicNow: () => number
  /** Told when it is known now, or was wrong. */
  readonly onChange: () => void
}

/** Times are told in whole seconds, and answers take a while: so far they may be apart and yet be the same. */
const toleranceMs = 3000

/** Goes by the centre's word, and between two of them by how much time has passed, whatever the node's clock is set to. */
export function createCentreClock({ now, monotonicNow, onChange }: CentreClockOptions): CentreClock {
  let offsetMs: number | undefined

  return {
    now: () => (offsetMs === undefined ? undefined : monotonicNow() + offsetMs),
    heard(date) {
      const next = (date ?? now()) - monotonicNow()
      if (offsetMs !== undefined && Math.abs(next - offsetMs) <= toleranceMs) return
      offsetMs = next
      onChange()
    },
  }
}
