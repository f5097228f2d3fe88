import { describe, expect, it } from 'vitest'
import { createLocks } from './locks.ts'

describe('locks', () => {
  it('let one holder of a name in at a time, in the order in which they came', async () => {
    const locks = createLocks()
    const order: number[] = []
    let inside = 0
    const work = async (n: number): Promise<void> => {
      using _turn = await locks.acquire('a')
      expect(++inside).toBe(1)
      await Promise.resolve()
      order.push(n)
      inside--
    }
    await Promise.all([0, 1, 2, 3].map(work))
    expect(order).toEqual([0, 1, 2, 3])
  })

  it('do not mix names', async () => {
    const locks = createLocks()
    using _a = await locks.acquire('a')
    using _b = await locks.acquire('b')
  })

  it('can be waited for in vain only until the signal', async () => {
    const locks = createLocks()
    const first = await locks.acquire('a')
    const controller = new AbortController()
    const second = locks.acquire('a', { signal: controller.signal })
    const third = locks.acquire('a')
    controller.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
    let isThirdIn = false
    void third.then(() => (isThirdIn = true))
    await Promise.resolve()
    expect(isThirdIn).toBe(false)
    first[Symbol.dispose]()
    ;(await third)[Symbol.dispose]()
    await expect(locks.acquire('a', { signal: controller.signal })).rejects.toThrow('enough')
  })

  it('say when those who hold a name are through, and forget it then', async () => {
    const locks = createLocks()
    expect(locks.settled('a')).toBeUndefined()
    const turn = await locks.acquire('a')
    const settled = locks.settled('a')
    turn[Symbol.dispose]()
    await settled
    await Promise.resolve()
    expect(locks.settled('a')).toBeUndefined()
  })
})
