import { createRecentlyUsed } from '../../store/recently-used.ts'
import type { Answer } from '../answer.ts'

/** What became of requests that write, by their ids: who lost the answer asks again and hears it, and nothing is done twice. */
export interface Outcomes {
  /** Does the work unless it was done or is being done under this id. */
  once(id: string | undefined, work: () => Promise<Answer>): Promise<Answer>
}

/** Far more than all clients together send while one of them gets over a cut connection. */
const remembered = 10_000

export function createOutcomes(): Outcomes {
  const outcomes = createRecentlyUsed<Promise<Answer>>(remembered)

  return {
    once(id, work) {
      if (id === undefined) return work()
      const known = outcomes.get(id)
      if (known) return known
      const outcome = work()
      outcomes.set(id, outcome, 1)
      return outcome
    },
  }
}
