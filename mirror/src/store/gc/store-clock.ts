import type { ObjectStore } from '../object-store.ts'

/** Written to be told when that was. */
const key = 'clock/gc'

/**
 * The time by which a store says when its objects changed, as it goes on by a clock of our own, in epoch milliseconds: all who use
 * the store agree on it, however wrong their clocks are.
 */
export async function openStoreClock(objects: ObjectStore, now: () => number): Promise<() => number> {
  const skewMs = (await timeOf(objects)) - now()
  return () => now() + skewMs
}

/** A put may answer with our own time where somebody else wrote over it at once; a HEAD behind it cannot. */
async function timeOf(objects: ObjectStore): Promise<number> {
  for (;;) {
    await touch(objects)
    const info = await objects.head(key)
    if (info) return info.changedAt
  }
}

/** If somebody else is faster, it was written just now, too. */
async function touch(objects: ObjectStore): Promise<void> {
  const there = await objects.head(key)
  const bytes = Buffer.from('{"version":1}')
  await (there ? objects.putIfMatch(key, there.etag, bytes) : objects.putIfAbsent(key, bytes))
}
