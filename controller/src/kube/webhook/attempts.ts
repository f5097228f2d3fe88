import { isFault, type Fault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'

/** Tries of several things, each of which may fail without holding up the others. */
export interface Attempts {
  /**
   * Does it, unless it failed a moment ago.
   * @returns when it is to be tried again, epoch milliseconds: what `act` says, or the end of a pause
   */
  try(name: string, act: () => Promise<number>): Promise<number>
}

export interface AttemptsOptions {
  readonly now: () => number
  readonly random: () => number
  readonly log: Logger
}

interface Trouble {
  readonly failures: number
  readonly retryAt: number
}

const [firstPauseMs, longestPauseMs] = [250, 30_000]

export function createAttempts({ now, random, log }: AttemptsOptions): Attempts {
  const troubles = new Map<string, Trouble>()

  function note(name: string, err: Fault): number {
    const failures = (troubles.get(name)?.failures ?? 0) + 1
    // Somebody was faster: the next look knows what is there now.
    const isRace = failures < 5 && (err.code === 'conflict' || err.code === 'not-found')
    const grown = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures - 1, 10))
    const retryInMs = isRace ? 50 : Math.max(err.retryAfterMs ?? 0, Math.round(grown * (0.5 + 0.5 * random())))
    const retryAt = now() + retryInMs
    troubles.set(name, { failures, retryAt })
    log[isRace ? 'debug' : 'warn']({ object: name, err, retryInMs }, 'not looked after')
    return retryAt
  }

  return {
    async try(name, act) {
      const { retryAt = 0 } = troubles.get(name) ?? {}
      if (retryAt > now()) return retryAt
      try {
        const nextAt = await act()
        troubles.delete(name)
        return nextAt
      } catch (error) {
        if (!isFault(error)) throw error
        return note(name, error)
      }
    },
  }
}
