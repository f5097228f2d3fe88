import { describe, expect, it } from 'vitest'
import { createReadBuffers, type Piece, type ReadBuffers } from './read-buffers.ts'

const options = { largest: 1024, smallest: 64, shared: 16 * 1024, kept: 2048 }

/** A piece that is filled at once. */
const take = (buffers: ReadBuffers, name?: string): Promise<Piece> =>
  buffers.piece(name, async (buffer) => buffer.length)
const bufferOf = ({ bytes }: Piece): ArrayBufferLike => bytes.buffer

describe('buffers for reads', () => {
  it.each([
    [1, 1024],
    [8, 1024],
    [9, 512],
    [16, 512],
    [64, 128],
    [128, 64],
    [100_000, 64],
  ])('of %d reads are %d bytes long', async (reads, size) => {
    const buffers = createReadBuffers(options)
    for (let read = 0; read < reads; read++) buffers.begin()
    expect(buffers.size()).toBe(size)
    expect((await take(buffers)).bytes.length).toBe(size)
  })

  it('are used again, but for those that somebody may still look at', async () => {
    const buffers = createReadBuffers(options)
    const [first, second] = [await take(buffers), await take(buffers)]
    first.release()
    second.abandon()
    expect(bufferOf(await take(buffers))).toBe(bufferOf(first))
    expect([first, second].map(bufferOf)).not.toContain(bufferOf(await take(buffers)))
  })

  it('are kept up to a limit', async () => {
    const buffers = createReadBuffers(options)
    const taken = [await take(buffers), await take(buffers), await take(buffers)]
    for (const piece of taken) piece.release()
    const again = [await take(buffers), await take(buffers), await take(buffers)]
    expect(again.filter((piece) => taken.map(bufferOf).includes(bufferOf(piece)))).toHaveLength(2)
  })

  it('are not kept when reads have become too many for their size, and long again when those are over', async () => {
    const buffers = createReadBuffers(options)
    const [kept, held] = [await take(buffers), await take(buffers)]
    kept.release()
    const reads = Array.from({ length: 128 }, () => buffers.begin())
    expect((await take(buffers)).bytes.length).toBe(64)
    held.release()
    expect((await take(buffers)).bytes.length).toBe(64)
    for (const read of reads) read[Symbol.dispose]()
    expect((await take(buffers)).bytes.length).toBe(1024)
  })
})

describe('pieces of the same name', () => {
  it('are read once for all who look at them, and for who comes soon after', async () => {
    const buffers = createReadBuffers(options)
    for (const _ of [1, 2]) buffers.begin()
    let fills = 0
    const fill = async (): Promise<number> => ++fills
    const pieces = await Promise.all([1, 2, 3].map(() => buffers.piece('a', fill)))
    for (const piece of pieces) piece.release()
    const late = await buffers.piece('a', fill)
    expect(fills).toBe(1)
    expect(new Set([...pieces, late].map(bufferOf)).size).toBe(1)
    expect(bufferOf(await take(buffers, 'b'))).not.toBe(bufferOf(late))
  })

  it('are overwritten only when nobody looks at them any more', async () => {
    const buffers = createReadBuffers(options)
    const [one, other] = [await take(buffers, 'a'), await take(buffers, 'a')]
    one.release()
    expect(bufferOf(await take(buffers, 'b'))).not.toBe(bufferOf(other))
    other.release()
    expect(bufferOf(await take(buffers, 'c'))).toBe(bufferOf(other))
  })

  it('are never overwritten when one who looked at them left them', async () => {
    const buffers = createReadBuffers(options)
    const [one, other] = [await take(buffers, 'a'), await take(buffers, 'a')]
    one.abandon()
    other.release()
    for (const name of ['b', 'c', 'd']) expect(bufferOf(await take(buffers, name))).not.toBe(bufferOf(one))
  })

  it('are read again after a failure, of which all are told who waited', async () => {
    const buffers = createReadBuffers(options)
    const failing = () => buffers.piece('a', () => Promise.reject(new Error('broken')))
    const tries = await Promise.allSettled([failing(), failing()])
    expect(tries.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect((await take(buffers, 'a')).bytes.length).toBe(1024)
  })
})
