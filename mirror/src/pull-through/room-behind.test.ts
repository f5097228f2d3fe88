import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createRoomBehind } from './room-behind.ts'

it('lets those who wait go on when there is room, however what was behind ends', async () => {
  const room = createRoomBehind(10)
  const [one, two] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  await room.free()
  room.take(9, one.promise)
  await room.free()
  room.take(9, two.promise)
  const waiting = [room.free(), room.free()]
  expect(await Promise.race([...waiting, delay(10, 'waits')])).toBe('waits')
  one.reject(new Error('not stored'))
  await Promise.all(waiting)
  two.resolve()
})

it('lets everybody go on in the end', async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 50 })
  await fc.assert(
    fc.asyncProperty(sizes, fc.scheduler(), async (bytes, scheduler) => {
      const room = createRoomBehind(10)
      const all = bytes.map(async (size) => {
        await room.free()
        room.take(size, scheduler.schedule(Promise.resolve()))
      })
      await scheduler.waitFor(Promise.all(all))
    }),
  )
})
