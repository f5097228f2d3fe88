/** Memory that all reads of one store share. */
export interface ReadBuffers {
  /** A read that takes buffers begins; it counts among those that share the memory until it is disposed of. */
  begin(): Disposable
  /** How long a piece should be now: the more reads there are, the shorter. */
  size(): number
  /**
   * A piece of a file, which `fill` reads into a buffer and says how long it is. Who asks for the same name meanwhile, or soon
   * after, gets the same; without a name nobody does.
   * @throws what `fill` throws
   */
  piece(name: string | undefined, fill: (buffer: Buffer) => Promise<number>): Promise<Piece>
}

/** Bytes that others may be looking at, too: nobody may change them. */
export interface Piece {
  readonly bytes: Buffer
  /** They are not looked at here any more. */
  release(): void
  /** They may be looked at for a while still: the buffer is never used again. */
  abandon(): void
}

interface Entry {
  readonly name: string | symbol
  readonly buffer: Buffer
  readonly length: Promise<number>
  readers: number
  isAbandoned: boolean
}

export interface ReadBuffersOptions {
  /** What few reads get: large pieces are fast. */
  readonly largest: number
  /** What each of very many reads still gets. */
  readonly smallest: number
  /** Bytes that all reads together are to hold, at two buffers each, before pieces get as small as they can. */
  readonly shared: number
  /** Bytes that are kept for the next reads. */
  readonly kept: number
}

const KiB = 1024

const defaults: ReadBuffersOptions = {
  largest: 2048 * KiB,
  smallest: 64 * KiB,
  shared: 32 * 1024 * KiB,
  kept: 16 * 1024 * KiB,
}

/**
 * Divides memory among reads. Readers of the same file that are at the same place, as nodes are that begin at once, look at the
 * same bytes, which are read once. A fresh buffer of a megabyte costs more than reading into it, so they are used again; and
 * hundreds of nodes behind thin links, each of them in the middle of a blob for hours, must not hold megabytes each.
 */
export function createReadBuffers(options: Partial<ReadBuffersOptions> = {}): ReadBuffers {
  const { largest, smallest, shared, kept } = { ...defaults, ...options }
  const inUse = new Map<Entry['name'], Entry>()
  /** Those that nobody looks at, the one that was looked at longest ago first. */
  const idle = new Map<Entry['name'], Entry>()
  let reads = 0

  function size(): number {
    const fair = shared / (2 * Math.max(1, reads))
    return Math.min(largest, Math.max(smallest, 2 ** Math.floor(Math.log2(fair))))
  }

  /** Buffers of another size are of no use now. */
  function tidy(): void {
    const [first] = idle.values()
    if (first && first.buffer.length !== size()) idle.clear()
  }

  /** Who reads alone is fastest with the buffer that was used last; where others may follow, pieces stay as long as they can. */
  function takeBuffer(): Buffer {
    const isAlone = reads <= 1
    const hasRoom = (inUse.size + idle.size + 1) * size() <= kept
    const entries = isAlone || !hasRoom ? [...idle.values()] : []
    const spare = isAlone ? entries.at(-1) : entries[0]
    if (!spare) return Buffer.allocUnsafeSlow(size())
    idle.delete(spare.name)
    return spare.buffer
  }

  function begin(name: Entry['name'], fill: (buffer: Buffer) => Promise<number>): Entry {
    const buffer = takeBuffer()
    return { name, buffer, length: fill(buffer), readers: 0, isAbandoned: false }
  }

  function leave(entry: Entry): void {
    entry.readers--
    if (entry.readers > 0) return
    if (inUse.get(entry.name) === entry) inUse.delete(entry.name)
    const { buffer, isAbandoned } = entry
    if (!isAbandoned && buffer.length === size() && (idle.size + 1) * buffer.length <= kept) idle.set(entry.name, entry)
  }

  return {
    size,

    begin() {
      reads++
      tidy()
      return {
        [Symbol.dispose]: () => {
          reads--
          tidy()
        },
      }
    },

    async piece(given, fill) {
      const name = given ?? Symbol('a piece')
      const entry = inUse.get(name) ?? idle.get(name) ?? begin(name, fill)
      idle.delete(entry.name)
      inUse.set(entry.name, entry)
      entry.readers++
      const abandon = (): void => {
        entry.isAbandoned = true
        leave(entry)
      }
      try {
        return { bytes: entry.buffer.subarray(0, await entry.length), release: () => leave(entry), abandon }
      } catch (error) {
        abandon()
        throw error
      }
    },
  }
}
