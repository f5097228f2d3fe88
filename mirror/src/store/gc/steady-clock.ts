import { uptime } from 'node:os'

export interface SteadyClockOptions {
  /** Milliseconds; stands still while the machine sleeps. */
  readonly awakeNow?: () => number
  /** Milliseconds; goes on while the machine sleeps, and may be coarse. */
  readonly uptimeNow?: () => number
}

/** Sleep is counted in steps of this, in milliseconds: coarser than the coarse clock, so that time never goes back. */
const stepMs = 1000

/**
 * A clock that nobody can set, in milliseconds from any beginning, and in which a night asleep is a night: that of the
 * process has not seen it, and the wall clock cannot tell it from being set.
 */
export function createSteadyClock(options: SteadyClockOptions = {}): () => number {
  const { awakeNow = () => performance.now(), uptimeNow = () => uptime() * 1000 } = options
  const begin = uptimeNow() - awakeNow()
  let asleepMs = 0
  return () => {
    const awake = awakeNow()
    asleepMs = Math.max(asleepMs, Math.floor((uptimeNow() - awake - begin) / stepMs) * stepMs)
    return awake + asleepMs
  }
}
