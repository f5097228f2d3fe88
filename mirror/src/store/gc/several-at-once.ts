import type { Pace } from './pace.ts'

/** One sync of a disk serves all that wait for it, and a store that is far away takes its time for each of them. */
const most = 16

/** Does the same with each item, with some of them at a time; what is begun is waited for, also when it fails. */
export async function severalAtOnce<T>(
  items: Iterable<T> | AsyncIterable<T>,
  pace: Pace,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  let working: Promise<unknown>[] = []
  try {
    for await (const item of items) {
      await pace()
      const one = work(item)
      // It may fail before its turn comes to be waited for.
      one.catch(() => undefined)
      working.push(one)
      if (working.length < most) continue
      await Promise.all(working)
      working = []
    }
    await Promise.all(working)
  } finally {
    await Promise.allSettled(working)
  }
}
