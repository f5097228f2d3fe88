import { describe, expect, it } from 'vitest'
import { nodeFileSystem } from '../file-system.ts'
import { createDiskRoom } from './disk-room.ts'

const MiB = 1024 * 1024

function roomOf(disk: { free: number }) {
  const files = { freeBytes: () => Promise.resolve(disk.free) }
  return createDiskRoom({ files, directory: '/d', reserveBytes: 10 * MiB })
}

describe('the room on a disk', () => {
  it('is what is free but for the reserve', async () => {
    const room = roomOf({ free: 15 * MiB })
    await room.check(5 * MiB)
    await expect(room.check(5 * MiB + 1)).rejects.toMatchObject({
      code: 'no-space',
      message:
        '/d: no space for 5.0 MiB more, 5.0 MiB are left besides 10.0 MiB kept free; free some space on the disk or use a larger one',
    })
  })

  it('is not given to two, but each may use what it was given', async () => {
    const disk = { free: 20 * MiB }
    const room = roomOf(disk)
    let rest = 6 * MiB
    const first = await room.claim(() => rest)
    await expect(room.claim(() => 5 * MiB)).rejects.toMatchObject({ code: 'no-space' })
    using _small = await room.claim(() => 4 * MiB)
    rest -= 2 * MiB
    disk.free -= 2 * MiB
    await room.check(4 * MiB)
    await expect(room.claim(() => MiB)).rejects.toMatchObject({ code: 'no-space' })
    first[Symbol.dispose]()
    using _next = await room.claim(() => 4 * MiB)
  })

  it('is not given to two who ask at the same time', async () => {
    const room = roomOf({ free: 20 * MiB })
    const outcomes = await Promise.allSettled([room.claim(() => 6 * MiB), room.claim(() => 6 * MiB)])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  })

  it('is never too small for nothing', async () => {
    const room = roomOf({ free: 10 * MiB })
    await room.check(0)
    using _claim = await room.claim(() => 0)
  })

  it('is looked up on the disk', async () => {
    const room = createDiskRoom({ files: nodeFileSystem, directory: '/', reserveBytes: 0 })
    await expect(room.check(2 ** 60)).rejects.toMatchObject({ code: 'no-space' })
  })
})
