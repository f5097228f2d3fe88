/** Is asked about each chunk before it is passed on: may wait, or throw instead. */
export type Gate = (chunk: Uint8Array) => Promise<void> | void

/** Passes bytes on through a gate, and says when nobody reads any more, with what it failed. Copies and holds nothing. */
export function gated(
  bytes: AsyncIterable<Uint8Array>,
  gate: Gate,
  onEnd?: (error?: unknown) => void,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const inner = bytes[Symbol.asyncIterator]()

      async function close(error?: unknown): Promise<void> {
        onEnd?.(error)
        await inner.return?.()
      }

      return {
        async next() {
          try {
            const step = await inner.next()
            if (step.done) onEnd?.()
            else await gate(step.value)
            return step
          } catch (error) {
            await close(error)
            throw error
          }
        },
        async return() {
          await close()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
