import PQueue from 'p-queue'
import { describe, expect, it } from 'vitest'
import { mapInQueue } from './map-in-queue.ts'

/** Ends when the signal says so, and a little later. */
async function untilStopped(signal: AbortSignal, onEnd: () => void): Promise<never> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
  await new Promise((resolve) => setImmediate(resolve))
  onEnd()
  throw signal.reason
}

describe('mapInQueue', () => {
  it('keeps the order of its items', async () => {
    const queue = new PQueue({ concurrency: 3 })
    const turns = [3, 1, 2]
    const work = async (count: number) => {
      for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
      return count
    }
    expect(await mapInQueue(turns, work, { queue })).toEqual(turns)
  })

  it('stops the others at the first failure, waits for them, and begins no new ones', async () => {
    const queue = new PQueue({ concurrency: 2 })
    const failure = new Error('broken')
    const ended: string[] = []
    const begun: string[] = []
    const work = async (name: string, signal: AbortSignal) => {
      begun.push(name)
      if (name === 'bad') throw failure
      return await untilStopped(signal, () => ended.push(name))
    }
    await expect(mapInQueue(['slow', 'bad', 'later'], work, { queue })).rejects.toBe(failure)
    expect([begun, ended]).toEqual([['slow', 'bad'], ['slow']])
    expect(queue.size + queue.pending).toBe(0)
  })

  it('ends with the reason of the signal when all tasks have ended', async () => {
    const queue = new PQueue({ concurrency: 1 })
    const stop = new AbortController()
    const ended: string[] = []
    const all = mapInQueue(['a', 'b'], (name, signal) => untilStopped(signal, () => ended.push(name)), {
      queue,
      signal: stop.signal,
    })
    await new Promise((resolve) => setImmediate(resolve))
    const reason = new Error('enough')
    stop.abort(reason)
    await expect(all).rejects.toBe(reason)
    expect(ended).toEqual(['a'])
  })
})
