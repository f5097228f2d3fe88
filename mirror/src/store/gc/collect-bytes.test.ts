import { afterEach, describe, expect, it, vi } from 'vitest'
import { longestDeathMs } from '../content/condemned-blobs.ts'
import { blobKey, condemnedKey } from '../content/content-keys.ts'
import { blobOf } from '../content/stored-content.conformance.ts'
import { createMemoryStore } from '../memory-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { collectBytes, readMarks } from './collect-bytes.ts'

afterEach(() => void vi.useRealTimers())

const { digest } = blobOf('garbage')

/** Collects bytes that nothing links twice: they are condemned, then deleted. */
async function collectTwice(objects: ObjectStore) {
  await objects.putIfAbsent(blobKey(digest), Buffer.from('garbage'))
  const nothing = new Set<never>()
  const shared = { objects, seen: nothing, linked: nothing, isAlone: true, youngMs: 0, isDryRun: false }
  let collected
  for (const now of [Date.now(), Date.now() + 1]) {
    const progress = { blobs: 0, condemned: 0, deleted: 0 }
    const marks = await readMarks(objects)
    collected = await collectBytes({ ...shared, marks, now, clock: () => now, pace: async () => undefined, progress })
  }
  return collected
}

describe('bytes that are to be deleted', () => {
  it.each([
    [longestDeathMs - 1000, 1],
    [longestDeathMs + 1000, 0],
  ])('are left if the machine slept behind the decision for long: %i ms', async (sleptMs, deleted) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-23') })
    const inner = createMemoryStore({ now: () => 0 })
    const objects: ObjectStore = {
      ...inner,
      async putIfMatch(key, etag, bytes) {
        if (key === condemnedKey(digest)) vi.setSystemTime(Date.now() + sleptMs)
        return await inner.putIfMatch(key, etag, bytes)
      },
    }
    expect(await collectTwice(objects)).toMatchObject({ deleted })
    expect((await objects.head(blobKey(digest))) === undefined).toBe(deleted === 1)
  })
})
