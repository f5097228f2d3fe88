import { seededRandom } from '../link/seeded-random.ts'

/** What dies by SIGKILL, and is started again. */
export type Victim = 'agent' | 'containerd' | 'both'

const phases = ['fetching', 'ingesting', 'unpacking', 'naming', 'taking names', 'collecting'] as const

/** Where a sync or a removal stands, as one can see from outside. */
export type Phase = (typeof phases)[number]

export interface Kill {
  readonly victim: Victim
  /** It comes when this is seen, or when all is done; undefined: at any time. */
  readonly aim: Phase | undefined
  /** From then on. */
  readonly delayMs: number
  /** Until what was killed is started again. */
  readonly pauseMs: number
}

/** An image is brought or taken away, and meanwhile these things happen. */
export interface Round {
  readonly direction: 'bring' | 'take'
  /** The next round begins where this one was after its last kill. */
  readonly isGivenUp: boolean
  readonly kills: readonly Kill[]
}

/** How long what is aimed at may last, in ms: later it is over. */
const aims = {
  bring: { fetching: 1500, ingesting: 60, unpacking: 600, naming: 60 },
  take: { 'taking names': 20, collecting: 40 },
} as const
const anyTimeMs = { bring: 3000, take: 800 }
const longestPauseMs = 400
const victims: readonly Victim[] = ['agent', 'agent', 'containerd', 'containerd', 'both']

/** What comes first in a round is hit first, or it would be over. */
function rankOf({ aim }: Kill): number {
  return aim === undefined ? 0 : phases.indexOf(aim)
}

/** So many kills, by a seed, in rounds that begin with bringing the image. */
export function planKills({ seed, count }: { seed: number; count: number }): Round[] {
  const random = seededRandom(seed)
  const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!

  function planKill(direction: Round['direction']): Kill {
    const lasting: Readonly<Partial<Record<Phase, number>>> = aims[direction]
    const aim = oneOf([...(Object.keys(lasting) as Phase[]), undefined])
    const longestMs = aim === undefined ? anyTimeMs[direction] : lasting[aim]!
    return {
      victim: oneOf(victims),
      aim,
      delayMs: Math.round(random() * longestMs),
      pauseMs: Math.round(random() * longestPauseMs),
    }
  }

  const rounds: Round[] = []
  for (let left = count; left > 0;) {
    const direction = rounds.length % 2 === 0 ? 'bring' : 'take'
    const size = Math.min(left, 1 + Math.floor(random() * (direction === 'bring' ? 4 : 2)))
    const isGivenUp = direction === 'bring' && random() < 0.25
    const kills = Array.from({ length: size }, () => planKill(direction)).toSorted((a, b) => rankOf(a) - rankOf(b))
    rounds.push({ direction, isGivenUp, kills })
    left -= size
  }
  return rounds
}
