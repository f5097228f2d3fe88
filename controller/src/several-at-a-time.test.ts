import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { severalAtATime } from './several-at-a-time.ts'

it('does no more than it is told at a time, and all of it', async () => {
  let [running, most] = [0, 0]
  const done: number[] = []
  const count = await severalAtATime([1, 2, 3, 4, 5], { concurrency: 2 }, async (item) => {
    most = Math.max(most, ++running)
    await turn()
    running -= 1
    done.push(item)
  })
  expect([most, done, count]).toEqual([2, [1, 2, 3, 4, 5], 5])
})

it('begins nothing after a failure, and waits for what was begun', async () => {
  const ended: number[] = []
  const work = async (item: number): Promise<void> => {
    if (item === 1) throw new Error('full')
    await turn()
    ended.push(item)
  }
  await expect(severalAtATime([1, 2, 3, 4, 5], { concurrency: 2 }, work)).rejects.toThrow('full')
  expect(ended.length).toBeLessThan(4)
  const { length } = ended
  await turn()
  expect(ended).toHaveLength(length)
})

it('begins nothing when the time is over, and says how far it came', async () => {
  const done: number[] = []
  const work = async (item: number): Promise<void> => void done.push(item)
  expect(await severalAtATime([1, 2, 3, 4], { concurrency: 1, isOver: () => done.length === 2 }, work)).toBe(2)
  expect(done).toEqual([1, 2])
})
