import { describe, expect, it } from 'vitest'
import { buildSet, setRepository } from '../../edge/set.ts'
import type { Meter } from '../../metrics/meter.ts'
import type { Digest } from '../../oci/digest.ts'
import { Fault } from '../../oci/fault.ts'
import { descriptorOf } from '../../oci/manifest.ts'
import { blobKey, linkKey } from '../content/content-keys.ts'
import { pushImage } from '../content/stored-content.conformance.ts'
import { createContentStore } from '../create-content-store.ts'
import { createMemoryStore } from '../memory-store.ts'
import type { RootSource } from './content-root.ts'
import { createGarbageCollector } from './garbage-collector.ts'

const hourMs = 3600_000
const dayMs = 24 * hourMs
const rules = { graceMs: dayMs, untaggedMs: 0, youngMs: 0 }

/** A store with an image that nothing keeps, and two clocks. */
async function openWorld(roots: readonly RootSource[] = [], restRatio = 0) {
  const clock = { wall: Date.parse('2026-11-23'), steady: 0 }
  const now = (): number => clock.wall
  const objects = createMemoryStore({ now })
  const repository = createContentStore(objects, { now }).repository('app')
  const image = await pushImage(repository, 'one', [])
  const counted: Record<string, number> = {}
  const meter: Meter = {
    add: ({ name }, labels, by = 1) => {
      const key = [name, ...Object.values(labels)].join(' ')
      counted[key] = (counted[key] ?? 0) + by
    },
    observe: () => undefined,
  }
  const steadyNow = (): number => clock.steady
  const shared = { objects, roots, rules, isAlone: true, restRatio, now, steadyNow, meter }
  const pass = (ms: number): void => {
    clock.wall += ms
    clock.steady += ms
  }
  pass(1)
  return { clock, pass, objects, repository, image, counted, collector: createGarbageCollector(shared) }
}

describe('a garbage collector', () => {
  it('condemns what nothing keeps, deletes it after the grace, and then its bytes; and counts it', async () => {
    const { collector, pass, repository, image, counted } = await openWorld()
    expect((await collector.collect()).links).toMatchObject({ condemned: 4, deleted: 0 })
    pass(dayMs - 1)
    expect((await collector.collect()).links.deleted).toBe(0)
    pass(1)
    expect((await collector.collect()).links.deleted).toBe(4)
    expect(await repository.stat(image.digest)).toBeUndefined()
    const { blobs } = await collector.collect()
    expect(blobs.deleted).toBe(4)
    expect(counted).toEqual({
      'stowage_gc_collections_total ok': 4,
      stowage_gc_deleted_links_total: 4,
      stowage_gc_deleted_blobs_total: 4,
      stowage_gc_deleted_bytes_total: blobs.bytesDeleted,
    })
    expect(collector.samples()).toHaveLength(3)
  })

  it('says what it would do, and does nothing', async () => {
    const { collector, pass, objects } = await openWorld()
    await collector.collect()
    pass(dayMs)
    const before = await Array.fromAsync(objects.list(''))
    expect((await collector.collect({ isDryRun: true })).links.deleted).toBe(4)
    expect(await Array.fromAsync(objects.list(''))).toEqual(before)
  })

  it('says what waits for its time', async () => {
    const { collector, pass } = await openWorld()
    const asked = { rules: { untaggedMs: dayMs } }
    expect((await collector.collect(asked)).links).toMatchObject({ condemned: 0, untagged: 1, waiting: 0 })
    pass(dayMs)
    expect((await collector.collect(asked)).links).toMatchObject({ condemned: 4, untagged: 0, waiting: 0 })
    expect((await collector.collect({ ...asked, isDryRun: true })).links).toMatchObject({ condemned: 0, waiting: 4 })
  })

  it('takes other times for once', async () => {
    const { collector, pass } = await openWorld()
    const asked = { rules: { graceMs: 0 } }
    await collector.collect(asked)
    pass(1)
    expect((await collector.collect(asked)).links.deleted).toBe(4)
  })

  it('takes another pace for once', async () => {
    const roots: RootSource = async function* () {
      // So much work that it rests behind it: for an hour, at its own pace.
      for (const begunAt = performance.now(); performance.now() - begunAt < 5;);
      yield* []
    }
    const { collector } = await openWorld([roots], 1e6)
    expect((await collector.collect({ restRatio: 0 })).links.condemned).toBe(4)
    const stop = new AbortController()
    const resting = Promise.withResolvers<unknown>()
    const slow = collector.collect({ signal: stop.signal, onProgress: resting.resolve })
    await resting.promise
    stop.abort()
    await expect(slow).rejects.toBe(stop.signal.reason)
  })

  it('does not take a clock that was set for time that passed', async () => {
    const { collector, pass, clock } = await openWorld()
    await collector.collect()
    pass(hourMs)
    clock.wall += 400 * dayMs
    expect((await collector.collect()).links.deleted).toBe(0)
    pass(dayMs)
    expect((await collector.collect()).links.deleted).toBe(4)
  })

  it('takes no hold for one that has run out by a clock that was set', async () => {
    const { collector, pass, clock, objects, repository, image } = await openWorld()
    await repository.hold([image.digest])
    pass(hourMs)
    clock.wall += 400 * dayMs
    expect((await collector.collect()).links.condemned).toBe(0)
    expect(await Array.fromAsync(objects.list('holds/'))).toHaveLength(1)
    pass(dayMs)
    expect((await collector.collect()).links.condemned).toBe(4)
    expect(await Array.fromAsync(objects.list('holds/'))).toEqual([])
  })

  it('gives the whole grace from when it condemns, however long it looked before', async () => {
    let isSlow = true
    const world = await openWorld([
      async function* () {
        if (isSlow) world.pass(12 * hourMs)
        yield { repository: 'another', digest: world.image.digest }
      },
    ])
    expect((await world.collector.collect()).links.condemned).toBe(4)
    isSlow = false
    world.pass(dayMs - 1)
    expect((await world.collector.collect()).links.deleted).toBe(0)
    world.pass(1)
    expect((await world.collector.collect()).links.deleted).toBe(4)
  })

  it('keeps what a source of roots names, and everything if that cannot tell', async () => {
    const { image } = await openWorld()
    const roots: RootSource = async function* () {
      yield { repository: 'app', digest: image.digest }
    }
    const kept = await openWorld([roots])
    expect((await kept.collector.collect()).links.condemned).toBe(0)

    const lost = await openWorld([
      () => {
        throw new Fault('invalid', 'a record cannot be read')
      },
    ])
    const before = await Array.fromAsync(lost.objects.list(''))
    await expect(lost.collector.collect()).rejects.toMatchObject({ message: 'a record cannot be read' })
    expect(await Array.fromAsync(lost.objects.list(''))).toEqual(before)
    expect(lost.counted).toEqual({ 'stowage_gc_collections_total failed': 1 })
    expect(lost.collector.samples()).toEqual([])
  })

  it.each([
    ['the bytes', blobKey],
    ['the link', (digest: Digest) => linkKey(setRepository, digest)],
  ])('keeps what a set may need of which %s cannot be read, until that is deleted', async (_, keyOf) => {
    const { collector, pass, objects, image } = await openWorld()
    const named = { name: 'example.com/app:v1', root: descriptorOf(image) }
    const set = buildSet({ images: [named], unresolved: [] })
    await createContentStore(objects)
      .repository(setRepository)
      .putManifest(set, { tags: ['current'] })
    const key = keyOf(set.digest)
    await objects.putIfMatch(key, (await objects.head(key))!.etag, Buffer.from('damaged'))
    const { links, leftAlone } = await collector.collect()
    expect(links.condemned).toBe(0)
    expect(leftAlone.map(({ repository }) => repository)).toEqual([setRepository, 'app'])
    for await (const object of objects.list(`repositories/${setRepository}/`)) await objects.delete(object.key)
    pass(1)
    expect((await collector.collect()).links.condemned).toBe(4)
  })

  it('does one thing at a time', async () => {
    const { collector } = await openWorld()
    const first = collector.collect()
    await expect(collector.collect()).rejects.toMatchObject({ code: 'conflict' })
    await first
    await collector.collect()
  })
})
