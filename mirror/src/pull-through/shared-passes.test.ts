import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSharedPasses, type BlobPart, type SharedPassesOptions } from './shared-passes.ts'

const content = Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * 31 + (at >> 8)) % 251))
const blob = { source: {}, name: 'team/app@sha256:1' }

/** Readers of one blob, and how much of it came. */
function createScene(options: SharedPassesOptions = {}) {
  const passes = createSharedPasses(options)
  const opened: BlobPart[] = []
  let [came, open] = [0, 0]
  async function* fetch(part: BlobPart): AsyncGenerator<Uint8Array> {
    opened.push(part)
    open++
    try {
      for (let at = part.offset; at < part.offset + part.length;) {
        await new Promise(setImmediate)
        const chunk = content.subarray(at, Math.min(at + 1000, part.offset + part.length))
        at += chunk.length
        came += chunk.length
        yield chunk
      }
    } finally {
      open--
    }
  }
  const read = (part: BlobPart = { offset: 0, length: content.length }, of = blob): AsyncIterator<Uint8Array> =>
    passes.read(of, part, fetch)[Symbol.asyncIterator]()
  return { read, opened, came: () => came, open: () => open }
}

async function rest(bytes: AsyncIterator<Uint8Array>, pause?: () => Promise<void>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for (let next = await bytes.next(); !next.done; next = await bytes.next()) {
    chunks.push(next.value)
    await pause?.()
  }
  return Buffer.concat(chunks)
}

describe('a blob that is passed on', () => {
  it('comes once for all who read it at the same time', async () => {
    const { read, came, open } = createScene()
    const all = await Promise.all(Array.from({ length: 50 }, () => rest(read())))
    for (const bytes of all) expect(bytes.equals(content)).toBe(true)
    expect([came(), open()]).toEqual([content.length, 0])
  })

  it('comes once also for who comes later, as long as its beginning is held', async () => {
    const { read, came } = createScene()
    const first = read()
    for (let n = 0; n < 60; n++) await first.next()
    const [, second] = await Promise.all([rest(first), rest(read())])
    expect([second.equals(content), came()]).toEqual([true, content.length])
  })

  it('comes anew for who comes too late', async () => {
    const { read, opened } = createScene({ heldBytes: 10_000 })
    const first = read()
    for (let n = 0; n < 60; n++) await first.next()
    const [, second] = await Promise.all([rest(first), rest(read())])
    expect([second.equals(content), opened.length]).toEqual([true, 2])
  })

  it('waits for slow readers, but not for ever: they go on where they are', async () => {
    const { read, opened } = createScene({ heldBytes: 10_000, patienceMs: 50 })
    const still = read()
    const first = (await still.next()).value as Uint8Array
    const fast = await rest(read())
    expect([fast.equals(content), opened.length]).toEqual([true, 1])
    const other = Buffer.concat([first, await rest(still)])
    expect([other.equals(content), opened]).toEqual([true, [opened[0], { offset: 1000, length: 99_000 }]])
  })

  it('ends when its last reader leaves, and is another one in another repository', async () => {
    const { read, open, opened } = createScene()
    const [one, other, elsewhere] = [read(), read(), read(undefined, { ...blob, name: 'mine@sha256:1' })]
    for (const reader of [one, other, elsewhere]) await reader.next()
    expect([open(), opened.length]).toEqual([2, 2])
    await one.return?.()
    expect(open()).toBe(2)
    await other.return?.()
    await elsewhere.return?.()
    expect(open()).toBe(0)
    expect((await rest(read())).equals(content)).toBe(true)
  })

  it('fails for all who need more, and is begun anew by who comes then', async () => {
    const passes = createSharedPasses()
    const whole = { offset: 0, length: 10 }
    let tries = 0
    async function* fetch(): AsyncGenerator<Uint8Array> {
      yield content.subarray(0, 5)
      if (tries++ === 0) throw new Error('cut')
      yield content.subarray(5, 10)
    }
    const read = (): Promise<Buffer> => rest(passes.read(blob, whole, fetch)[Symbol.asyncIterator]())
    const outcomes = await Promise.allSettled([read(), read()])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect((await read()).equals(content.subarray(0, 10))).toBe(true)
  })

  it('gives each reader its part, whoever reads, leaves and stands still, and holds no more than it may', async () => {
    const reader = fc.record({
      offset: fc.nat(content.length - 1),
      length: fc.integer({ min: 1, max: content.length }),
      leavesAfter: fc.option(fc.nat(60)),
      turns: fc.nat(3),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(reader, { minLength: 1, maxLength: 8 }), async (readers) => {
        const { read, open } = createScene({ heldBytes: 20_000, patienceMs: 2 })
        await Promise.all(
          readers.map(async ({ offset, length: most, leavesAfter, turns }) => {
            const length = Math.min(most, content.length - offset)
            const bytes = read({ offset, length })
            const pause = async (): Promise<void> => {
              for (let n = 0; n < turns; n++) await new Promise(setImmediate)
            }
            if (leavesAfter !== null) {
              for (let n = 0; n < leavesAfter; n++) await bytes.next()
              return void (await bytes.return?.())
            }
            expect((await rest(bytes, pause)).equals(content.subarray(offset, offset + length))).toBe(true)
          }),
        )
        expect(open()).toBe(0)
      }),
      { numRuns: 40 },
    )
  })
})
