import { expect, it } from 'vitest'
import { reviveBytes } from '../content/condemned-blobs.ts'
import { blobKey, condemnedKey } from '../content/content-keys.ts'
import { blobOf } from '../content/stored-content.conformance.ts'
import { createMemoryStore } from '../memory-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { collectBytes, readMarks } from './collect-bytes.ts'

const { digest } = blobOf('garbage')
const bytes = Buffer.from('garbage')
const day = 86_400_000
const now = (): number => Date.parse('2026-11-23')

/** Collects bytes that nothing links twice: they are condemned, then deleted. */
async function collectTwice(objects: ObjectStore) {
  await objects.putIfAbsent(blobKey(digest), bytes)
  const nothing = new Set<never>()
  const shared = { objects, seen: nothing, linked: nothing, isAlone: false, youngMs: 0, isDryRun: false }
  let collected
  for (const _turn of [1, 2]) {
    const progress = { blobs: 0, condemned: 0, deleted: 0 }
    const [marks, pace] = [await readMarks(objects), async () => undefined]
    collected = await collectBytes({ ...shared, marks, now: now(), clock: now, pace, progress })
  }
  return collected
}

it.each([
  ['the same clock', 0],
  ['a clock a day ahead', day],
  ['a clock a day behind', -day],
])('bytes that a client with %s brings between a decision and what follows it stay', async (_, ahead) => {
  const inner = createMemoryStore({ now })
  const objects: ObjectStore = {
    ...inner,
    async delete(key, etag) {
      if (key === blobKey(digest)) await bringAnew()
      return await inner.delete(key, etag)
    },
  }
  async function bringAnew(): Promise<void> {
    await reviveBytes(inner, digest, () => now() + ahead)
    expect(await inner.putIfAbsent(blobKey(digest), bytes)).toBeDefined()
  }
  expect(await collectTwice(objects)).toMatchObject({ deleted: 0 })
  expect(await inner.head(blobKey(digest))).toBeDefined()
  expect(await inner.head(condemnedKey(digest))).toBeUndefined()
})
