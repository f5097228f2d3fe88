import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { severalAtATime } from './several-at-a-time.ts'

it('does no more than it is told at a time, and all of it', async () => {
  let [running, most] = [0, 0]
  const done: number[] = []
  await severalAtATime([1, 2, 3, 4, 5], 2, async (item) => {
    most = Math.max(most, ++running)
    await turn()
    running -= 1
    done.push(item)
  })
  expect([most, done]).toEqual([2, [1, 2, 3, 4, 5]])
})

it('begins nothing after a failure, and waits for what was begun', async () => {
  const ended: number[] = []
  const work = async (item: number): Promise<void> => {
    if (item === 1) throw new Error('full')
    await turn()
    ended.push(item)
  }
  await expect(severalAtATime([1, 2, 3, 4, 5], 2, work)).rejects.toThrow('full')
  expect(ended.length).toBeLessThan(4)
  const { length } = ended
  await turn()
  expect(ended).toHaveLength(length)
})
