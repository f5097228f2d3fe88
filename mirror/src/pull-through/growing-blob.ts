/** How far a blob has come, for those who read it while it comes. Its last bytes are in memory, the others in the store. */
export interface GrowingBlob {
  /** Contiguous bytes from the beginning that may be read; the last one only when all are proved. */
  readonly readable: number
  readonly isStored: boolean
  /** A try begins behind so many bytes, which the store has; what was received beyond is to come again. */
  begin(stored: number): void
  /** Takes the next bytes; `stored` says how many of all the store has by now. */
  add(chunk: Uint8Array, stored: number): void
  /** The bytes from `at` to the end of a chunk, if memory has them. */
  held(at: number): Uint8Array | undefined
  /** All of it is proved and stored. */
  end(): void
  /** No more will come. */
  fail(reason: unknown): void
  /** Waits until something is different. @throws the reason of the failure */
  changed(): Promise<void>
  /** Waits until the byte at `at` may be read, or all is stored. @throws the reason of the failure */
  reaches(at: number): Promise<void>
}

/** Readers that keep up with the upstream are served from so much memory. What is not in the store yet is held beyond it. */
const heldAtLeast = 1024 * 1024

interface Held {
  readonly start: number
  readonly bytes: Uint8Array
}

export function createGrowingBlob(size: number): GrowingBlob {
  let received = 0
  let isStored = false
  let failure: { readonly reason: unknown } | undefined
  let held: Held[] = []
  let heldBytes = 0
  let change = Promise.withResolvers<void>()

  function tell(): void {
    change.resolve()
    change = Promise.withResolvers<void>()
  }

  /** A client that has every byte takes a wrong blob for a whole one; without the last byte it sees that it was cut off. */
  const readable = (): number => (isStored ? size : Math.min(received, size - 1))

  function trim(stored: number): void {
    for (let [first] = held; first && heldBytes - first.bytes.length >= heldAtLeast; [first] = held) {
      if (first.start + first.bytes.length > stored) return
      held.shift()
      heldBytes -= first.bytes.length
    }
  }

  function throwIfFailed(): void {
    if (failure) throw failure.reason
  }

  async function changed(): Promise<void> {
    throwIfFailed()
    await change.promise
    throwIfFailed()
  }

  return {
    get readable() {
      return readable()
    },
    get isStored() {
      return isStored
    },
    begin(stored) {
      received = stored
      held = []
      heldBytes = 0
      tell()
    },
    add(bytes, stored) {
      held.push({ start: received, bytes })
      heldBytes += bytes.length
      received += bytes.length
      trim(stored)
      tell()
    },
    held(at) {
      const found = held.findLast(({ start }) => start <= at)
      const bytes = found?.bytes.subarray(at - found.start, readable() - found.start)
      return bytes?.length ? bytes : undefined
    },
    end() {
      isStored = true
      held = []
      tell()
    },
    fail(reason) {
      failure = { reason }
      held = []
      tell()
    },
    changed,
    async reaches(at) {
      while (!isStored && readable() <= at) await changed()
    },
  }
}
