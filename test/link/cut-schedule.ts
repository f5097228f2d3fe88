import type { Cut, CutPlan, PlannedCut } from './link-protocol.ts'

/** Cuts the link when the plan says so. */
export interface CutSchedule {
  /** The link is up: the next cut is counted from here. */
  arm(): void
  /** The link is down, by whatever cut. */
  disarm(): void
  /** How many of so many bytes may cross before the next cut; 0 means that the link was cut just now. */
  allow(bytes: number): number
  /** Cuts to come; null: without end. */
  left(): number | null
}

/** `cut` is called at once from `allow`, else from a timer; it must lead to `disarm`. */
export function createCutSchedule({ cuts, repeat = false }: CutPlan, cut: (cut: Cut) => void): CutSchedule {
  const isEndless = repeat && cuts.length > 0
  let next = 0
  let bytesLeft = Infinity
  let timer: NodeJS.Timeout | undefined

  function fire({ mode, durationMs, forget = false }: PlannedCut): void {
    next = isEndless ? (next + 1) % cuts.length : next + 1
    cut({ mode, durationMs, forget })
  }
  function disarm(): void {
    clearTimeout(timer)
    bytesLeft = Infinity
  }
  return {
    arm() {
      disarm()
      const planned = cuts[next]
      if (!planned) return
      const { afterDownBytes, afterMs = afterDownBytes === undefined ? 0 : undefined } = planned
      bytesLeft = afterDownBytes ?? Infinity
      if (afterMs !== undefined) timer = setTimeout(() => fire(planned), afterMs)
    },
    disarm,
    allow(bytes) {
      const planned = cuts[next]
      if (bytesLeft === 0 && planned) {
        fire(planned)
        return 0
      }
      const allowed = Math.min(bytes, bytesLeft)
      bytesLeft -= allowed
      return allowed
    },
    left: () => (isEndless ? null : cuts.length - next),
  }
}
