/** Asks for the next piece while the one before it is worked on. Who leaves early does not wait for that one. */
export async function* onePieceAhead<T>(pieces: AsyncIterable<T>): AsyncGenerator<T, void> {
  const iterator = pieces[Symbol.asyncIterator]()
  let next = iterator.next()
  let isOver = false
  try {
    for (;;) {
      const { done, value } = await next
      isOver = done === true
      if (isOver) return
      next = iterator.next()
      // Its failure is told in the next turn; until then it must not count as one that nobody looks at.
      next.catch(() => {})
      yield value
    }
  } catch (error) {
    isOver = true
    throw error
  } finally {
    // The one ahead may still be on its way: the return waits behind it, and nobody for the return.
    if (!isOver) void iterator.return?.().catch(() => {})
  }
}
