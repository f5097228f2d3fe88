import type PQueue from 'p-queue'

export interface InQueueOptions {
  /** What bounds how much is done at a time; others may use it too. */
  readonly queue: PQueue
  /** Higher ones start first. */
  readonly priority?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Works on all items in a shared queue. The first failure stops the others through their signal; all have ended when this
 * does.
 */
export async function mapInQueue<Item, Result>(
  items: readonly Item[],
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
  { queue, priority = 0, signal }: InQueueOptions,
): Promise<Result[]> {
  const failed = new AbortController()
  const any = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal
  const begun: Promise<Result>[] = []
  const begin = async (item: Item): Promise<Result> => {
    try {
      return await work(item, any)
    } catch (error) {
      // Before the queue learns of it and begins the next one.
      failed.abort(error)
      throw error
    }
  }
  const added = items.map((item) => {
    const task = (): Promise<Result> => {
      const running = begin(item)
      begun.push(running)
      return running
    }
    return queue.add(task, { signal: any, priority })
  })
  try {
    return await Promise.all(added)
  } catch (error) {
    // The queue lets go of a task as soon as it is told to stop; the task itself may need a moment.
    await Promise.allSettled([...added, ...begun])
    throw error
  }
}
