import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { nodeFileSystem, type OpenFile } from '../file-system.ts'
import { readAhead } from './read-ahead.ts'
import { createReadBuffers } from './read-buffers.ts'

const MiB = 1024 * 1024

/** A file of zeros whose reads wait until they are let through; it fails the test if it is closed under a read or twice. */
function gatedFile(size: number) {
  const waiting: Array<(error?: Error) => void> = []
  const state = { reads: 0, pending: 0, closed: 0 }
  const refused = async (): Promise<never> => {
    throw new Error('not for reading')
  }
  const file: OpenFile = {
    async read(buffer, position) {
      if (state.closed > 0) throw new Error('read after close')
      state.reads++
      state.pending++
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      waiting.push((error) => (error ? reject(error) : resolve()))
      await promise.finally(() => state.pending--)
      return Math.min(buffer.length, size - position)
    },
    async close() {
      expect(state.pending).toBe(0)
      expect(++state.closed).toBe(1)
    },
    stat: refused,
    write: refused,
    truncate: refused,
    setModifiedAt: refused,
    sync: refused,
  }
  return { file, state, letThrough: (error?: Error) => waiting.shift()?.(error) }
}

function iterate(file: OpenFile, size: number, reuseBuffers = false): AsyncIterator<Uint8Array> {
  const buffers = createReadBuffers({ largest: MiB })
  return readAhead(file, { path: '/file', start: 0, end: size, buffers, reuseBuffers })[Symbol.asyncIterator]()
}

describe('reading ahead', () => {
  it('has one read under way while a piece is looked at', async () => {
    const { file, state, letThrough } = gatedFile(3 * MiB)
    const iterator = iterate(file, 3 * MiB)
    const first = iterator.next()
    letThrough()
    expect((await first).value?.length).toBe(MiB)
    expect(state).toMatchObject({ reads: 2, pending: 1 })
    letThrough()
    await iterator.return?.()
  })

  it('closes the file once, after the read that was under way when the consumer left', async () => {
    const { file, state, letThrough } = gatedFile(3 * MiB)
    const iterator = iterate(file, 3 * MiB)
    const first = iterator.next()
    letThrough()
    await first
    const left = iterator.return?.()
    expect(state).toMatchObject({ pending: 1, closed: 0 })
    letThrough()
    await left
    await iterator.return?.()
    expect(await iterator.next()).toMatchObject({ done: true })
    expect(state).toMatchObject({ reads: 2, closed: 1 })
  })

  it('closes the file once when the consumer leaves while it waits for a piece', async () => {
    const { file, state, letThrough } = gatedFile(3 * MiB)
    const iterator = iterate(file, 3 * MiB)
    const first = iterator.next()
    const left = iterator.return?.()
    letThrough()
    await first
    letThrough()
    await left
    expect(state).toMatchObject({ pending: 0, closed: 1 })
  })

  it('closes the file of a consumer that never began', async () => {
    const { file, state } = gatedFile(3 * MiB)
    const iterator = iterate(file, 3 * MiB)
    await iterator.return?.()
    expect(await iterator.next()).toMatchObject({ done: true })
    expect(state).toMatchObject({ reads: 0, closed: 1 })
  })

  it('closes the file at the end', async () => {
    const { file, state, letThrough } = gatedFile(10)
    const iterator = iterate(file, 10)
    const first = iterator.next()
    letThrough()
    expect((await first).value?.length).toBe(10)
    expect((await iterator.next()).done).toBe(true)
    expect(state).toMatchObject({ reads: 1, closed: 1 })
  })

  it('tells of a failed read when its piece is asked for, and closes the file', async () => {
    const { file, state, letThrough } = gatedFile(3 * MiB)
    const iterator = iterate(file, 3 * MiB)
    const first = iterator.next()
    letThrough()
    await first
    letThrough(Object.assign(new Error('EIO: i/o error'), { code: 'EIO' }))
    await expect(iterator.next()).rejects.toMatchObject({ code: 'unavailable' })
    expect(state).toMatchObject({ closed: 1 })
  })

  it('uses two buffers in turn if it may, and no buffer twice if it may not', async () => {
    for (const [reuseBuffers, expected] of [
      [true, 2],
      [false, 5],
    ] as const) {
      const { file, letThrough } = gatedFile(5 * MiB)
      const seen = new Set<ArrayBufferLike>()
      const timer = setInterval(letThrough, 0)
      const stretch = {
        path: '/file',
        start: 0,
        end: 5 * MiB,
        buffers: createReadBuffers({ largest: MiB }),
        reuseBuffers,
      }
      for await (const piece of readAhead(file, stretch)) {
        seen.add(piece.buffer)
      }
      clearInterval(timer)
      expect(seen.size).toBe(expected)
    }
  })
})

describe('reading ahead on a disk', () => {
  it('says so when a file was cut off under it', async () => {
    await using directory = await temporaryDirectory()
    const path = join(directory.path, 'file')
    await writeFile(path, Buffer.alloc(100))
    const bytes = readAhead(await nodeFileSystem.open(path, 'read'), {
      path,
      start: 0,
      end: 200,
      buffers: createReadBuffers(),
    })
    await expect(Array.fromAsync(bytes)).rejects.toMatchObject({ code: 'corrupt' })
  })

  it('never gives bytes of another file, though readers leave at any time and file numbers are used again', async () => {
    await using directory = await temporaryDirectory()
    const paths = await Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        const path = join(directory.path, String(n))
        await writeFile(path, Buffer.alloc(3 * MiB, n))
        return path
      }),
    )
    const buffers = createReadBuffers({ largest: MiB })
    const reader = async (n: number): Promise<void> => {
      for (let turn = 0; turn < 12; turn++) {
        const index = (n + turn) % paths.length
        const path = paths[index]!
        const stretch = { path, start: 0, end: 3 * MiB, buffers, reuseBuffers: true }
        let pieces = 0
        for await (const piece of readAhead(await nodeFileSystem.open(path, 'read'), stretch)) {
          expect(piece[0] === index && piece.at(-1) === index && piece[piece.length >> 1] === index).toBe(true)
          if (++pieces > turn % 4) break
        }
        await (await open(path)).close()
      }
    }
    await Promise.all(Array.from({ length: 6 }, (_, n) => reader(n)))
  })
})

async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'stowage-read-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}
