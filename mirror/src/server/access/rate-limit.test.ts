import { describe, expect, it } from 'vitest'
import { createRateLimit } from './rate-limit.ts'

describe('a rate limit', () => {
  it('lets a burst through, then so many a second, and says when to come again', () => {
    let now = 0
    const limit = createRateLimit({ perSecond: 2, burst: 3, monotonicNow: () => now })
    for (let n = 0; n < 3; n++) limit.take('a')
    expect(() => limit.take('a')).toThrow(
      expect.objectContaining({ refusal: 'TOOMANYREQUESTS', status: 429, retryAfterMs: 500 }) as Error,
    )
    limit.take('b')
    now = 499
    expect(() => limit.take('a')).toThrow('too many requests')
    now = 500
    limit.take('a')
    expect(() => limit.take('a')).toThrow('too many requests')
    now = 100_000
    for (let n = 0; n < 3; n++) limit.take('a')
    expect(() => limit.take('a')).toThrow('too many requests')
  })

  it('takes back, and no more than there is room for', () => {
    const limit = createRateLimit({ perSecond: 1, burst: 2, monotonicNow: () => 0 })
    limit.take('a')
    for (let n = 0; n < 3; n++) limit.giveBack('a')
    for (let n = 0; n < 2; n++) limit.take('a')
    expect(() => limit.take('a')).toThrow('too many requests')
  })

  it('remembers no more than so many clients', () => {
    const limit = createRateLimit({ perSecond: 1, burst: 1, monotonicNow: () => 0 })
    limit.take('first')
    for (let n = 0; n < 10_000; n++) limit.take(`client ${n}`)
    expect(() => limit.take('client 9999')).toThrow('too many requests')
    limit.take('first')
  })
})
