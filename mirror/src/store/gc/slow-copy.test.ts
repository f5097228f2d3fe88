import PQueue from 'p-queue'
import { describe, expect, it } from 'vitest'
import type { ContentSource } from '../../content.ts'
import { copyImage } from '../../copy.ts'
import { descriptorOf } from '../../oci/manifest.ts'
import { copyHoldMs } from '../holds.ts'
import { imageOf, pushImage } from '../content/stored-content.conformance.ts'
import { createContentStore } from '../create-content-store.ts'
import { createMemoryStore } from '../memory-store.ts'
import { collectGarbage } from './collect-garbage.ts'

const dayMs = 24 * 3600_000
const rules = { graceMs: dayMs, untaggedMs: dayMs, youngMs: dayMs }

/** An upstream, a mirror, and time that passes with collections. */
async function openWorld() {
  let time = Date.parse('2026-11-23')
  const now = (): number => time
  const objects = createMemoryStore({ now })
  const upstream = createContentStore(createMemoryStore()).repository('app')
  await pushImage(upstream, 'one', ['v1'])
  const image = imageOf('one')
  const sink = createContentStore(objects, { now }).repository('app')
  async function passDays(count: number): Promise<void> {
    for (let day = 0; day < count; day++) {
      time += dayMs
      await collectGarbage({ objects, rules, roots: [], now, isAlone: true })
    }
  }
  /** Copies; before each blob something happens. */
  async function copy(beforeBlob: (nth: number) => Promise<void>): Promise<void> {
    let nth = 0
    const source: ContentSource = {
      resolve: async () => descriptorOf(image),
      manifest: async () => image,
      async blob(_repository, blob) {
        await beforeBlob(++nth)
        return (await upstream.openBlob(blob.digest))!.bytes
      },
    }
    const queue = new PQueue({ concurrency: 1 })
    const retry = { pause: async () => undefined }
    await copyImage({ source, sourceRepository: 'app', reference: 'v1', sink, tags: ['v1'], queue, retry })
  }
  const left = async (): Promise<number> => (await Array.fromAsync(objects.list('repositories/app/_links/'))).length
  return { sink, image, objects, passDays, copy, left }
}

describe('a copy that takes longer than the grace', () => {
  it('loses nothing that it brought, and holds nothing when it is through', async () => {
    const { sink, image, objects, passDays, copy } = await openWorld()
    await copy(() => passDays(4))
    for (const blob of [image.config, ...image.layers]) expect(await sink.hasBlob(blob)).toBe(true)
    expect(await Array.fromAsync(objects.list('holds/'))).toEqual([])
    await sink.deleteTag('v1')
    await passDays(5)
    expect(await Array.fromAsync(objects.list('repositories/'))).toEqual([])
  })

  it('is held as long as it goes on', async () => {
    const { sink, image, passDays, copy } = await openWorld()
    await copy(() => passDays(20))
    for (const blob of [image.config, ...image.layers]) expect(await sink.hasBlob(blob)).toBe(true)
  })

  it('is not said to be complete without parts that were collected, and brings them when it is tried again', async () => {
    const { sink, image, passDays, copy } = await openWorld()
    const standingStill = copy((nth) => passDays(nth < 3 ? 0 : copyHoldMs / dayMs + 5))
    await expect(standingStill).rejects.toMatchObject({ code: 'unavailable' })
    expect(await sink.tag('v1')).toBeUndefined()
    await copy(async () => undefined)
    for (const blob of [image.config, ...image.layers]) expect(await sink.hasBlob(blob)).toBe(true)
  })

  it('finds what it brought when it goes on, for a month', async () => {
    const { objects, passDays, copy, left } = await openWorld()
    const givenUp = (nth: number): Promise<void> => (nth < 3 ? Promise.resolve() : Promise.reject(new Error('killed')))
    await expect(copy(givenUp)).rejects.toThrow('killed')
    await passDays(20)
    expect(await left()).toBe(2)
    await expect(copy((nth) => givenUp(nth + 2))).rejects.toThrow('killed')
    await passDays(20)
    expect(await left()).toBe(2)
    await passDays(copyHoldMs / dayMs)
    expect(await Array.fromAsync(objects.list(''))).toEqual([])
  })
})
