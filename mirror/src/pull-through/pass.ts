export interface PassOptions {
  /** Where the bytes begin. */
  readonly start: number
  /** Behind the last one. */
  readonly end: number
  /** So much is held at the moment for readers that are behind, in bytes. */
  readonly windowBytes: () => number
  /** So long all the others wait for one reader, in milliseconds. */
  readonly patienceMs: number
}

/** Bytes that come once and are given to several who read at nearly the same place. They come as somebody reads them. */
export interface Pass {
  /** Whether who reads from this byte on can read along: it is held, or is to come soon. */
  reaches(at: number): boolean
  /** A piece that begins at this byte; undefined if it came and is not held any more, or is not to come. @throws what the bytes throw */
  take(reader: object, at: number): Promise<Uint8Array | undefined>
  /** The reader has enough; true if nobody is left, and nothing more comes. */
  leave(reader: object): Promise<boolean>
}

interface Held {
  readonly bytes: Uint8Array
  /** Behind its last byte. */
  readonly end: number
}

interface Place {
  at: number
  /** So long the others have waited for this one. */
  waitedMs: number
}

/** What a reader is given of a pass, as long as it reads along. */
export async function* piecesOf(pass: Pass, reader: object, start: number): AsyncGenerator<Uint8Array> {
  let at = start
  for (let bytes = await pass.take(reader, at); bytes; bytes = await pass.take(reader, at)) {
    at += bytes.length
    yield bytes
  }
}

export function createPass(source: AsyncIterable<Uint8Array>, options: PassOptions): Pass {
  const { start, end, windowBytes, patienceMs } = options
  const iterator = source[Symbol.asyncIterator]()
  const readers = new Map<object, Place>()
  const held: Held[] = []
  let heldFrom = start
  let came = start
  let coming: Promise<void> | undefined
  let failure: { readonly reason: unknown } | undefined
  let isOver = false
  let moved = Promise.withResolvers<void>()

  function tell(): void {
    moved.resolve()
    moved = Promise.withResolvers<void>()
  }

  /** Lets go of what nobody needs, or only who was waited for long enough. */
  async function makeRoom(): Promise<void> {
    for (let [first] = held; first && came - heldFrom >= windowBytes(); [first] = held) {
      const needed = first.end
      const behind = [...readers.values()].filter(({ at, waitedMs }) => at < needed && waitedMs < patienceMs)
      if (behind.length > 0) {
        await waitFor(behind)
        continue
      }
      held.shift()
      heldFrom = needed
    }
  }

  async function waitFor(behind: readonly Place[]): Promise<void> {
    const before = performance.now()
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, patienceMs - Math.max(...behind.map(({ waitedMs }) => waitedMs)))
    await Promise.race([moved.promise, late])
    clearTimeout(timer)
    for (const place of behind) place.waitedMs += performance.now() - before
  }

  async function pull(): Promise<void> {
    try {
      await makeRoom()
      const { done, value } = await iterator.next()
      if (done) throw new Error(`bytes ended at ${came} of ${end}`)
      came += value.length
      held.push({ bytes: value, end: came })
    } catch (reason) {
      failure = { reason }
      throw reason
    }
  }

  function heldAt(at: number): Uint8Array | undefined {
    const found = held.find((piece) => at < piece.end)
    return found?.bytes.subarray(at - (found.end - found.bytes.length))
  }

  return {
    reaches: (at) => !failure && !isOver && at >= heldFrom && at <= came + windowBytes() && at < end,

    async take(reader, at) {
      const place = readers.get(reader) ?? { at, waitedMs: 0 }
      place.at = at
      readers.set(reader, place)
      tell()
      while (at >= came && at < end) {
        if (failure) throw failure.reason
        coming ??= pull().finally(() => (coming = undefined))
        await coming
      }
      return at < heldFrom ? undefined : heldAt(at)
    },

    async leave(reader) {
      readers.delete(reader)
      tell()
      if (readers.size > 0) return false
      // Nobody joins while it ends.
      isOver = true
      await iterator.return?.()
      return true
    },
  }
}
