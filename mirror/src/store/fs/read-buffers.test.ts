import { describe, expect, it } from 'vitest'
import { createReadBuffers } from './read-buffers.ts'

const options = { largest: 1024, smallest: 64, shared: 16 * 1024, kept: 2048 }

describe('buffers for reads', () => {
  it.each([
    [1, 1024],
    [8, 1024],
    [9, 512],
    [16, 512],
    [64, 128],
    [128, 64],
    [100_000, 64],
  ])('of %d reads are %d bytes long', (reads, size) => {
    const buffers = createReadBuffers(options)
    for (let read = 0; read < reads; read++) buffers.begin()
    expect(buffers.size()).toBe(size)
    expect(buffers.take().length).toBe(size)
  })

  it('are used again', () => {
    const buffers = createReadBuffers(options)
    const buffer = buffers.take()
    buffers.give(buffer)
    expect(buffers.take()).toBe(buffer)
    expect(buffers.take()).not.toBe(buffer)
  })

  it('are kept up to a limit', () => {
    const buffers = createReadBuffers(options)
    const taken = [buffers.take(), buffers.take(), buffers.take()]
    for (const buffer of taken) buffers.give(buffer)
    const again = [buffers.take(), buffers.take(), buffers.take()]
    expect(again.filter((buffer) => taken.includes(buffer))).toHaveLength(2)
  })

  it('are not kept when reads have become too many for their size, and long again when those are over', () => {
    const buffers = createReadBuffers(options)
    const [kept, held] = [buffers.take(), buffers.take()]
    buffers.give(kept)
    const reads = Array.from({ length: 128 }, () => buffers.begin())
    expect(buffers.take().length).toBe(64)
    buffers.give(held)
    expect(buffers.take().length).toBe(64)
    for (const read of reads) read[Symbol.dispose]()
    expect(buffers.take().length).toBe(1024)
  })
})
