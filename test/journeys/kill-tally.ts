import type { Kill } from './kill-plan.ts'

/** What happened in a kill test, for a person who reads its output. */
export interface KillTally {
  /** @param at where things stood, in a few words */
  killed(kill: Kill, at: string): void
  /** @param agentsLost how many agents died meanwhile */
  brought(bytes: number, agentsLost: number): void
  givenUp(): void
  /** @param newBytes what has to be fetched at least, each time */
  summary(newBytes: number): object
}

export function createKillTally(): KillTally {
  const kills: Record<string, number> = {}
  const brought: { readonly bytes: number; readonly agentsLost: number }[] = []
  let givenUp = 0
  return {
    killed({ victim }, at) {
      const key = `${at}: ${victim}`
      kills[key] = (kills[key] ?? 0) + 1
    },
    brought: (bytes, agentsLost) => void brought.push({ bytes, agentsLost }),
    givenUp: () => void (givenUp += 1),
    summary(newBytes) {
      const bytes = brought.reduce((sum, one) => sum + one.bytes, 0)
      return {
        kills: Object.fromEntries(Object.entries(kills).toSorted(([a], [b]) => a.localeCompare(b))),
        givenUp,
        brought: brought.length,
        agentsLost: brought.reduce((sum, one) => sum + one.agentsLost, 0),
        newBytes,
        bytesFetchedPerByteNeeded: brought.length === 0 ? null : bytes / (newBytes * brought.length),
        mostBytesTwice: Math.max(0, ...brought.map((one) => one.bytes - newBytes)),
      }
    },
  }
}
