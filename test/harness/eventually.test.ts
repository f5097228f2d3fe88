import { describe, expect, it } from 'vitest'
import { eventually } from './eventually.ts'

describe('eventually', () => {
  it('returns the first thing that is truthy', async () => {
    const answers = [undefined, 0, '', 'found', 'later']
    expect(await eventually(() => answers.shift(), { everyMs: 1 })).toBe('found')
  })

  it('takes an error for "not yet" and reports the last one', async () => {
    const looking = eventually(() => Promise.reject(new Error('away')), { what: 'the node', withinMs: 20, everyMs: 1 })
    await expect(looking).rejects.toThrow('the node did not come true within 20 ms')
    await expect(looking).rejects.toMatchObject({ cause: { message: 'away' } })
  })

  it('does not wait for a look that hangs', async () => {
    const hanging = new Promise<boolean>(() => undefined)
    await expect(eventually(() => hanging, { withinMs: 20, everyMs: 1 })).rejects.toThrow('within 20 ms')
  })

  it('looks once even when there is no time', async () => {
    expect(await eventually(() => 'at once', { withinMs: 0 })).toBe('at once')
  })

  it('ends with the reason of its signal', async () => {
    const stop = new AbortController()
    const looking = eventually(() => false, { everyMs: 60_000, signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(looking).rejects.toThrow('enough')
  })
})
