import { describe, expect, it } from 'vitest'
import { createFairQueue } from './fair-queue.ts'

/** Work that is done when the test says so, in the order in which it was begun. */
function createScene(most: number) {
  const queue = createFairQueue({ most, refusal: () => new Error('too much') })
  const begun: string[] = []
  const refused: string[] = []
  let finish: (() => void) | undefined
  const add = (client: string, name: string): void => {
    const work = (): Promise<void> => {
      begun.push(name)
      return new Promise((resolve) => (finish = resolve))
    }
    queue.add(client, work).catch(() => void refused.push(name))
  }
  const next = async (): Promise<void> => {
    finish?.()
    await new Promise(setImmediate)
  }
  return { add, next, begun, refused }
}

describe('a fair queue', () => {
  it('lets clients have their turns one after the other', async () => {
    const { add, next, begun } = createScene(10)
    for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) add(name[0]!, name)
    for (let n = 0; n < 6; n++) await next()
    expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2'])
  })

  it('gives up the last of who has most waiting, and takes whoever comes', async () => {
    const { add, next, begun, refused } = createScene(3)
    for (const name of ['a1', 'a2', 'a3', 'a4', 'a5', 'b1', 'b2', 'c1']) add(name[0]!, name)
    for (let n = 0; n < 8; n++) await next()
    expect(refused).toEqual(['a5', 'a4', 'b2', 'a3'])
    expect(begun.toSorted()).toEqual(['a1', 'a2', 'b1', 'c1'])
  })

  it('goes on when work fails, and tells who asked for it', async () => {
    const queue = createFairQueue({ most: 3, refusal: () => new Error('too much') })
    const failed = queue.add('a', () => Promise.reject(new Error('no')))
    const done = queue.add('a', async () => 'done')
    await expect(failed).rejects.toThrow('no')
    expect(await done).toBe('done')
  })
})
