import { describe, expect, it } from 'vitest'
import { createOutcomes } from './outcomes.ts'

describe('outcomes of requests', () => {
  it('are the same for the same request, while it is worked on and afterwards', async () => {
    const outcomes = createOutcomes()
    let count = 0
    const { promise: gate, resolve: go } = Promise.withResolvers<void>()
    const work = async () => {
      await gate
      return { status: 200 + ++count }
    }
    const both = [outcomes.once('a', work), outcomes.once('a', work)]
    go()
    expect(await Promise.all(both)).toEqual([{ status: 201 }, { status: 201 }])
    expect(await outcomes.once('a', work)).toEqual({ status: 201 })
    expect(await outcomes.once('b', work)).toEqual({ status: 202 })
    expect(await outcomes.once(undefined, work)).toEqual({ status: 203 })
  })

  it('are remembered of failures, too', async () => {
    const outcomes = createOutcomes()
    await expect(outcomes.once('a', () => Promise.reject(new Error('once')))).rejects.toThrow('once')
    await expect(outcomes.once('a', async () => ({ status: 200 }))).rejects.toThrow('once')
  })
})
