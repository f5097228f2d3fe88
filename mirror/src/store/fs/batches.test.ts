import { describe, expect, it } from 'vitest'
import { batches } from './batches.ts'

/** Chunks of one byte, each at its time. */
async function batchesOf(times: readonly number[], size: number, failure?: Error): Promise<number[]> {
  let now = 0
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const time of times) {
      now = time
      yield new Uint8Array(1)
    }
    if (failure) throw failure
  }
  const lengths: number[] = []
  try {
    for await (const batch of batches(chunks(), size, { patienceMs: 50, monotonicNow: () => now })) {
      lengths.push(batch.length)
    }
  } catch (error) {
    expect(error).toBe(failure)
    lengths.push(-1)
  }
  return lengths
}

describe('batches', () => {
  it.each<[string, number[], number, number[]]>([
    ['as large as they are to be when chunks come fast', [0, 1, 2, 3, 4], 2, [2, 2, 1]],
    [
      'smaller when chunks come slowly, so that little is lost when the process is killed',
      [0, 30, 60, 90],
      100,
      [3, 1],
    ],
    ['no larger than two chunks when these come very slowly', [0, 1000, 2000, 3000], 100, [2, 2]],
    ['none when nothing comes', [], 2, []],
  ])('are %s', async (_, times, size, expected) => {
    expect(await batchesOf(times, size)).toEqual(expected)
  })

  it('hand out what came before the source failed', async () => {
    expect(await batchesOf([0, 1, 2], 2, new Error('cut'))).toEqual([2, 1, -1])
  })
})
