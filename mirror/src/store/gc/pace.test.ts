import { expect, it } from 'vitest'
import { createPace } from './pace.ts'

function work(ms: number): void {
  for (const begunAt = performance.now(); performance.now() - begunAt < ms;);
}

it.each([0, 1000])('a rest (%d times as long as the work) ends with the reason of the signal', async (restRatio) => {
  const stop = new AbortController()
  const pace = createPace({ restRatio, signal: stop.signal })
  work(6)
  const resting = pace()
  const reason = new Error('the mirror ends')
  stop.abort(reason)
  await expect(resting).rejects.toBe(reason)
})
