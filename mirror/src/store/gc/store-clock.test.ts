import { expect, it } from 'vitest'
import { createMemoryStore } from '../memory-store.ts'
import type { ObjectInfo, ObjectStore } from '../object-store.ts'
import { openStoreClock } from './store-clock.ts'

const bucketTime = Date.parse('2026-11-23')
const ownTime = Date.parse('2026-01-01')

/** A store whose puts are written over by another process before they are answered, and then tell the time of this one. */
function crowded(objects: ObjectStore): ObjectStore {
  const overtaken = async (put: Promise<ObjectInfo | undefined>): Promise<ObjectInfo | undefined> => {
    const info = await put
    if (!info) return undefined
    await objects.putIfMatch(info.key, info.etag, Buffer.from('theirs'))
    return { ...info, changedAt: ownTime }
  }
  return {
    ...objects,
    putIfAbsent: (key, bytes) => overtaken(objects.putIfAbsent(key, bytes)),
    putIfMatch: (key, etag, bytes) => overtaken(objects.putIfMatch(key, etag, bytes)),
  }
}

it.each([
  ['alone', (objects: ObjectStore) => objects],
  ['beside others that do so too', crowded],
])('the clock of a store goes by the store for who opens it %s', async (_, seen) => {
  const objects = createMemoryStore({ now: () => bucketTime })
  let own = ownTime
  for (let turn = 0; turn < 2; turn++) {
    const clock = await openStoreClock(seen(objects), () => own)
    expect(clock()).toBe(bucketTime)
    own += 1000
    expect(clock()).toBe(bucketTime + 1000)
  }
})
