import { describe, expect, it } from 'vitest'
import { createBell } from './bell.ts'

describe('a bell', () => {
  const signal = new AbortController().signal

  it('wakes who waits', async () => {
    const bell = createBell()
    const waiting = bell.wait({ timeoutMs: 60_000, signal })
    bell.ring()
    expect(await waiting).toBe('rung')
  })

  it('is heard by who comes later, once', async () => {
    const bell = createBell()
    bell.ring()
    bell.ring()
    expect(await bell.wait({ timeoutMs: 60_000, signal })).toBe('rung')
    expect(await bell.wait({ timeoutMs: 0, signal })).toBe('timeout')
  })

  it('ends a wait that is longer than timers can be when it is aborted', async () => {
    const stop = new AbortController()
    const waiting = createBell().wait({ timeoutMs: Infinity, signal: stop.signal })
    stop.abort()
    expect(await waiting).toBe('aborted')
  })
})
