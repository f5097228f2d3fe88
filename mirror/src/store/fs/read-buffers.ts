/** Memory that all reads of one store share. */
export interface ReadBuffers {
  /** A read that takes buffers begins; it counts among those that share the memory until it is disposed of. */
  begin(): Disposable
  /** How long a buffer should be now: the more reads there are, the shorter. */
  size(): number
  /** A buffer of about that size, with anything in it. */
  take(): Buffer
  /** Takes a buffer back that nobody looks at any more. */
  give(buffer: Buffer): void
}

export interface ReadBuffersOptions {
  /** What few reads get: large pieces are fast. */
  readonly largest: number
  /** What each of very many reads still gets. */
  readonly smallest: number
  /** Bytes that all reads together are to hold, at two buffers each, before pieces get as small as they can. */
  readonly shared: number
  /** Bytes that are kept for the next read. */
  readonly kept: number
}

const KiB = 1024

const defaults: ReadBuffersOptions = {
  largest: 1024 * KiB,
  smallest: 64 * KiB,
  shared: 32 * 1024 * KiB,
  kept: 8 * 1024 * KiB,
}

/**
 * Divides memory among reads. A fresh buffer of a megabyte costs more than reading into it, so they are used again; and
 * hundreds of nodes behind thin links, each of them in the middle of a blob for hours, must not hold megabytes each.
 */
export function createReadBuffers(options: Partial<ReadBuffersOptions> = {}): ReadBuffers {
  const { largest, smallest, shared, kept } = { ...defaults, ...options }
  const spare: Buffer[] = []
  let reads = 0

  function size(): number {
    const fair = shared / (2 * Math.max(1, reads))
    return Math.min(largest, Math.max(smallest, 2 ** Math.floor(Math.log2(fair))))
  }

  /** Buffers of another size are of no use now. */
  function tidy(): void {
    if (spare[0] && spare[0].length !== size()) spare.length = 0
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

    take: () => spare.pop() ?? Buffer.allocUnsafeSlow(size()),

    give(buffer) {
      if (buffer.length === size() && (spare.length + 1) * buffer.length <= kept) spare.push(buffer)
    },
  }
}
