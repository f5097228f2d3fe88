import { expect, it } from 'vitest'
import { createByteRate } from './byte-rate.ts'

/** Takes pieces at a rate; gives how long that took on a clock that moves only when it is waited for. */
async function timeOf(bytesPerSecond: number | undefined, pieces: readonly { bytes: number; workMs: number }[]) {
  let time = 0
  const delay = async (ms: number): Promise<void> => void (time += ms)
  const rate = createByteRate({ bytesPerSecond, now: () => time, delay })
  for (const { bytes, workMs } of pieces) {
    time += workMs
    await rate(bytes)
  }
  return time
}

const pieces = (count: number, bytes: number, workMs: number) =>
  Array.from({ length: count }, () => ({ bytes, workMs }))

it('holds work to its rate, whatever the pieces are', async () => {
  for (const size of [100, 10_000, 1_000_000]) {
    const time = await timeOf(1_000_000, pieces(10_000_000 / size, size, 0))
    expect(time).toBeGreaterThan(9_850)
    expect(time).toBeLessThanOrEqual(10_000)
  }
})

it('adds nothing to work that is slower by itself, and does not make up for it later', async () => {
  expect(await timeOf(1_000_000, pieces(10, 1000, 100))).toBe(1000)
  const paused = await timeOf(1_000_000, [...pieces(1, 1000, 60_000), ...pieces(100, 100_000, 0)])
  expect(paused).toBeGreaterThan(69_800)
})

it('waits for nothing without a rate, but ends with its signal', async () => {
  expect(await timeOf(undefined, pieces(100, 1e9, 0))).toBe(0)
  const rate = createByteRate({ bytesPerSecond: undefined })
  await expect(rate(1, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  const over = new AbortController()
  const waiting = createByteRate({ bytesPerSecond: 1 })(3600, { signal: over.signal })
  over.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
})
