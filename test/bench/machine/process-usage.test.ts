import { describe, expect, it } from 'vitest'
import { cpuSecondsOf, forgetPeak, memoryOf, parseCpuSeconds, parseMemory } from './process-usage.ts'

describe('usage of a process', () => {
  it('reads processor time behind a name that looks like fields', () => {
    const stat = '7 (a) b (c)) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 3 4 20 0 11 0 100 1000 200'
    expect(parseCpuSeconds(stat)).toBe(3)
  })

  it('reads memory in bytes', () => {
    const status = 'Name:\tnode\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\nRssAnon:\t   512 kB\n'
    expect(parseMemory(status)).toEqual({ resident: 1_048_576, anonymous: 524_288, peak: 2_097_152 })
  })

  it('is that of a process that runs', async () => {
    expect(await cpuSecondsOf(process.pid)).toBeGreaterThan(0)
    const { resident, anonymous, peak } = await memoryOf(process.pid)
    expect(anonymous).toBeGreaterThan(1_000_000)
    expect(resident).toBeGreaterThan(anonymous)
    expect(peak).toBeGreaterThanOrEqual(anonymous)
  })

  it('begins a new peak', async () => {
    const { peak } = await memoryOf(process.pid)
    await forgetPeak(process.pid)
    expect((await memoryOf(process.pid)).peak).toBeLessThanOrEqual(peak + 32_000_000)
  })
})
