import { describe, expect, it } from 'vitest'
import { ended, planScrub } from './plan-scrub.ts'
import type { ScrubPass, ScrubState } from './scrub-state.ts'
import { emptyTally } from './scrub-tally.ts'

const options = { owner: 'me', everyMs: 1000, leaseMs: 100, now: 50_000 }
const tally = { ...emptyTally, blobs: 7 }
const pass: ScrubPass = { begunAt: 49_000, after: 'blobs/x', tally, owner: 'other', until: 0 }
const during = (more: Partial<ScrubPass>): ScrubState => ({ version: 1, pass: { ...pass, ...more }, last: null })
const taken = { kind: 'work', pass: { ...pass, owner: 'me', until: 50_100 } }
const begun = {
  kind: 'work',
  pass: { begunAt: 50_000, after: '', tally: emptyTally, owner: 'me', until: 50_100 },
}

describe('the scrub of a store', () => {
  it.each<[string, ScrubState | undefined, unknown]>([
    ['begins where there was none', undefined, begun],
    ['goes on with what this process left', during({ owner: 'me', until: 50_090 }), taken],
    ['goes on with what another one left', during({ until: 0 }), taken],
    ['goes on where another one has said nothing for long', during({ until: 49_999 }), taken],
    ['waits for another one that is at work', during({ until: 50_060 }), { kind: 'wait', ms: 60 }],
    ['does not wait for a clock that was set back', during({ until: 99_000 }), taken],
    ['waits for its time', ended({ begunAt: 49_400, tally }, 49_500), { kind: 'wait', ms: 400 }],
    ['begins anew when its time has come', ended({ begunAt: 49_000, tally }, 49_500), begun],
    ['begins anew when the last one began in the future', ended({ begunAt: 60_000, tally }, 60_500), begun],
  ])('%s', (_, state, plan) => {
    expect(planScrub(state, options)).toEqual(plan)
  })
})
