import PQueue from 'p-queue'

/** Does the same for all of them, so many at a time. After the first that fails none is begun; it fails when all have ended. */
export async function severalAtATime<T>(
  items: Iterable<T>,
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = new PQueue({ concurrency })
  const done = Array.from(items, (item) => queue.add(() => work(item)))
  try {
    await Promise.all(done)
  } finally {
    queue.clear()
    await queue.onIdle()
  }
}
