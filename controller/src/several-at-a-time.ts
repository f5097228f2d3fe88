import PQueue from 'p-queue'

export interface SeveralOptions {
  /** How many at a time. */
  readonly concurrency: number
  /** From then on none is begun. */
  readonly isOver?: () => boolean
}

/**
 * Does the same for all of them, in order; says for how many. After the first that fails none is begun; it fails when all have
 * ended.
 */
export async function severalAtATime<T>(
  items: Iterable<T>,
  { concurrency, isOver = () => false }: SeveralOptions,
  work: (item: T) => Promise<void>,
): Promise<number> {
  const queue = new PQueue({ concurrency })
  let begun = 0
  const done = Array.from(items, (item) =>
    queue.add(async () => {
      if (isOver()) return
      begun += 1
      await work(item)
    }),
  )
  try {
    await Promise.all(done)
  } finally {
    queue.clear()
    await queue.onIdle()
  }
  return begun
}
