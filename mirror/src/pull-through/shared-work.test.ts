import { expect, it } from 'vitest'
import { createSharedWork } from './shared-work.ts'

it('is begun once for all who want it at the same time, until its rest is done', async () => {
  const rest = Promise.withResolvers<void>()
  const work = createSharedWork<number>(() => rest.promise)
  let begun = 0
  const share = (): Promise<number> => work.share('name', async () => ++begun)
  expect(await Promise.all([share(), share()])).toEqual([1, 1])
  expect(await share()).toBe(1)
  rest.resolve()
  await work.settled()
  expect(await share()).toBe(2)
})

it.each<[string, () => Promise<void>]>([
  ['fails', () => Promise.reject(new Error('failed'))],
  [
    'fails before it has begun',
    () => {
      throw new Error('failed')
    },
  ],
])('is begun again when it %s', async (_, fail) => {
  const work = createSharedWork<void>()
  await expect(work.share('name', fail)).rejects.toThrow('failed')
  await work.settled()
  await work.share('name', async () => undefined)
})
