import { describe, expect, it } from 'vitest'
import { createListening } from './listening.ts'

describe('a centre listens', () => {
  it('from its start, or from when it is there again after it stood still', () => {
    let now = 1000
    const listening = createListening({ now: () => now, graceMs: 30, lapseMs: 100 })
    expect(listening()).toEqual({ since: 1000, graceMs: 30 })
    for (const at of [1100, 1150, 1250]) {
      now = at
      expect(listening().since).toBe(1000)
    }
    now = 1351
    expect(listening().since).toBe(1351)
    now = 1400
    expect(listening().since).toBe(1351)
    // A clock that is set back is no lapse.
    now = 500
    expect(listening().since).toBe(1351)
  })
})
