import { describe, expect, it } from 'vitest'
import { sessionPrefix } from '../content/content-keys.ts'
import { blobOf, imageOf, store } from '../content/stored-content.conformance.ts'
import { createContentStore } from '../create-content-store.ts'
import { createMemoryStore } from '../memory-store.ts'
import { chunks } from '../stored-bytes.conformance.ts'
import { collectGarbage } from './collect-garbage.ts'

const dayMs = 24 * 3600_000
const rules = { graceMs: dayMs, untaggedMs: dayMs, youngMs: dayMs / 24 }
const image = imageOf('one')
const [config, first, second] = ['{"config":"one"}', 'layer one of one', 'layer two of one'] as const

/** A store and time that passes with collections, four a day. */
function openWorld() {
  let time = Date.parse('2026-11-23')
  const now = (): number => time
  const objects = createMemoryStore({ now })
  const content = createContentStore(objects, { now })
  async function passDays(count: number): Promise<void> {
    for (let turn = 0; turn < count * 4; turn++) {
      time += dayMs / 4
      await collectGarbage({ objects, rules, roots: [], now, isAlone: true })
    }
  }
  return { content, repository: content.repository('app'), passDays }
}

describe('a push over a thin link', () => {
  it('finds what it pushed before, as long as bytes come', async () => {
    const { content, repository, passDays } = openWorld()
    for (const text of [config, first]) await store(repository, blobOf(text), text)
    await using session = await content.openUpload(`${sessionPrefix('app')}1`)
    for (const byte of second) {
      await session.append(chunks(byte))
      await passDays(0.5)
    }
    await repository.commitUpload(session, blobOf(second).digest)
    await repository.putManifest(image, { tags: ['v1'] })
    for (const blob of [image.config, ...image.layers]) expect(await repository.hasBlob(blob)).toBe(true)
  })

  it('finds for the time of grace what it was told to be there, and is told to bring anew what went later', async () => {
    const { repository, passDays } = openWorld()
    for (const text of [config, first, second]) await store(repository, blobOf(text), text)
    await passDays(1)
    expect(await repository.hasBlob(image.config)).toBe(true)
    await passDays(0.75)
    expect(await repository.hasBlob(image.config)).toBe(true)
    expect(await repository.hasBlob(blobOf(first))).toBe(false)
    await passDays(2)
    expect(await repository.hasBlob(image.config)).toBe(false)
  })
})
