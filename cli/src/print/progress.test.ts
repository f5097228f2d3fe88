import { describe, expect, it } from 'vitest'
import { createProgress, progressLine } from './progress.ts'

describe('progressLine', () => {
  it('counts the rate from what moved, not from what was there', () => {
    expect(progressLine({ done: 60e6, total: 100e6, moved: 10e6, elapsedMs: 5000 })).toBe(
      '60.0 MB of 100 MB, 60%, 2.0 MB/s, 20s left',
    )
  })

  it('promises nothing before the first byte, nor while hardly any came', () => {
    expect(progressLine({ done: 0, total: 100, moved: 0, elapsedMs: 0 })).toBe('0 B of 100 B, 0%, 0 B/s')
    expect(progressLine({ done: 2, total: 600e6, moved: 2, elapsedMs: 12_000 })).toBe('2 B of 600 MB, 0%, 0 B/s')
  })
})

describe('createProgress', () => {
  it('renews one line on a terminal and writes plain lines seldom elsewhere', () => {
    const show = (isTTY: boolean): string => {
      let time = 0
      let text = ''
      const progress = createProgress({ out: { isTTY, write: (more) => (text += more) }, label: 'x', now: () => time })
      for (; time <= 20_000; time += 5000) progress.update(time, 20_000)
      progress.end()
      return text
    }
    expect(show(true).split('\r').length).toBe(7)
    expect(show(false).split('\n').filter(Boolean)).toHaveLength(2)
    expect(show(false)).not.toContain('\r')
  })
})
