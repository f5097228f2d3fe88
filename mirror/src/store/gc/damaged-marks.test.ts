import { describe, expect, it } from 'vitest'
import { condemnedKey, blobKey } from '../content/content-keys.ts'
import { blobOf, store as storeBlob } from '../content/stored-content.conformance.ts'
import { createContentStore } from '../create-content-store.ts'
import { createMemoryStore } from '../memory-store.ts'
import { collectGarbage } from './collect-garbage.ts'
import { endDeaths } from './end-deaths.ts'

const content = 'nobody needs it'
const blob = blobOf(content)
const rules = { graceMs: 1000, untaggedMs: 0, youngMs: 0 }
const hourMs = 3600_000

/** Bytes that no repository names, with a mark that says nothing. */
async function openWorld() {
  const clock = { now: Date.parse('2026-11-23') }
  const now = (): number => clock.now
  const objects = createMemoryStore({ now })
  await objects.putIfAbsent(blobKey(blob.digest), Buffer.from(content))
  await objects.putIfAbsent(condemnedKey(blob.digest), Buffer.from('{"version":1,"at":17'))
  const collect = (isAlone: boolean) => collectGarbage({ objects, rules, roots: [], now, isAlone })
  const isThere = async () => [
    (await objects.head(blobKey(blob.digest))) !== undefined,
    (await objects.head(condemnedKey(blob.digest))) !== undefined,
  ]
  return { clock, objects, collect, isThere, repository: createContentStore(objects, { now }).repository('app') }
}

describe('a mark that is damaged', () => {
  it('keeps nobody from opening the store, and the bytes are condemned anew', async () => {
    const { objects, isThere } = await openWorld()
    await endDeaths(objects)
    expect(await isThere()).toEqual([true, false])
  })

  it('keeps no garbage for ever', async () => {
    const { collect, isThere } = await openWorld()
    expect((await collect(true)).blobs.deleted).toBe(1)
    expect(await isThere()).toEqual([false, false])
  })

  it('is left as long as another process may be deleting the bytes', async () => {
    const { clock, collect, isThere } = await openWorld()
    expect((await collect(false)).blobs.deleted).toBe(0)
    expect(await isThere()).toEqual([true, true])
    clock.now += hourMs + 1
    expect((await collect(false)).blobs.deleted).toBe(1)
  })

  it('goes when somebody needs the bytes', async () => {
    const { clock, collect, isThere, repository } = await openWorld()
    clock.now += hourMs + 1
    await storeBlob(repository, blob, content)
    expect(await isThere()).toEqual([true, false])
    expect((await collect(false)).blobs.deleted).toBe(0)
  })
})
