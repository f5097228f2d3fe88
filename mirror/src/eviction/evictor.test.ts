import { describe, expect, it } from 'vitest'
import { buildSet, setRepository } from '../edge/set.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { fakeHost, openFakeMirror } from '../pull-through/fake-mirror.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import type { FakeUpstream } from '../registry/fake-upstream.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { blobKey } from '../store/content/content-keys.ts'
import { collectGarbage } from '../store/gc/collect-garbage.ts'
import type { RootSource } from '../store/gc/content-root.ts'
import { createHolds } from '../store/holds.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { silentLog } from '../testing/silent-log.ts'
import { createEvictor, type EvictorOptions } from './evictor.ts'
import { createPulledImages, pulledRoots } from './pulled-images.ts'

const { upstreamOf } = createFakePull()
const hour = 3600_000
const rules = { graceMs: 24 * hour, untaggedMs: 168 * hour, youngMs: hour }

interface FakeImage {
  readonly root: Descriptor
  readonly layers: readonly Descriptor[]
}

/** Layers by their words: equal words are equal bytes, 1,000 of them. */
function addImage(upstream: FakeUpstream, repository: string, tag: string, words: readonly string[]): FakeImage {
  const config = upstream.addBlob(JSON.stringify({ of: repository, words }), mediaTypes.config)
  const layers = words.map((word) => upstream.addBlob(word.padEnd(1000, '.')))
  const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers }
  return { root: upstream.addManifest(repository, document, { tag }), layers }
}

async function openScene({
  options = {},
  roots = [],
}: { options?: Partial<EvictorOptions>; roots?: readonly RootSource[] } = {}) {
  const upstream = await upstreamOf()
  const clock = { at: Date.parse('2026-01-01') }
  const now = (): number => clock.at
  const objects = createMemoryStore({ now })
  const store = createContentStore(objects, { now })
  const pulled = createPulledImages(objects, { now })
  const held: RootSource = () => createHolds(objects, { now }).held()
  const collect = () =>
    collectGarbage({ objects, rules, roots: [...roots, () => pulledRoots(pulled)], now, isAlone: true })
  const evictor = createEvictor({
    objects,
    store,
    pulled,
    roots: [...roots, held],
    limits: { budget: { bytes: 5000 }, minFree: { bytes: 0 }, keepSupersededMs: 168 * hour },
    isOnlyRead: (repository) => repository.startsWith(`${fakeHost}/`),
    collect,
    isAlone: true,
    now,
    log: silentLog,
    recentMs: 0,
    ...options,
  })
  const mirror = await openFakeMirror(upstream, { store, pulled, evictor })
  const pull = async (repository: string, { root, layers }: FakeImage, tag: string): Promise<void> => {
    const at = `/v2/${fakeHost}/${repository}`
    const paths = [`${at}/manifests/${tag}`, `${at}/manifests/${root.digest}`]
    for (const path of [...paths, ...layers.map(({ digest }) => `${at}/blobs/${digest}`)]) {
      const answer = await mirror.ask(path)
      expect(answer.status).toBe(200)
      await answer.arrayBuffer()
    }
    clock.at += hour
  }
  const hasBytes = async (digest: Digest): Promise<boolean> => (await objects.head(blobKey(digest))) !== undefined
  const tagsOf = async (repository: string): Promise<string[]> =>
    (await store.repository(`${fakeHost}/${repository}`).tags()).map(({ name }) => name)
  return { upstream, clock, now, objects, store, pulled, evictor, mirror, pull, hasBytes, tagsOf, collect }
}

describe('pulled images over their budget', () => {
  it('go, the one first that nobody asked for longest, and their bytes at once; they come again when asked for', async () => {
    const scene = await openScene()
    await using _ = scene.mirror
    const { upstream, pull, hasBytes, tagsOf, evictor } = scene
    const first = addImage(upstream, 'team/a', 'v1', ['base', 'one'])
    const second = addImage(upstream, 'team/b', 'v1', ['base', 'two'])
    await pull('team/a', first, 'v1')
    await pull('team/b', second, 'v1')
    expect((await evictor.look()).evictions).toEqual([])
    const third = addImage(upstream, 'team/c', 'v1', ['three'])
    await pull('team/a', first, 'v1')
    await pull('team/c', third, 'v1')
    const { evictions, pulledBytes, leftBytes } = await evictor.look()
    expect(evictions.map(({ image, reason }) => [image.repository, reason])).toEqual([[`${fakeHost}/team/b`, 'budget']])
    expect([pulledBytes > 5000, leftBytes < 5000]).toEqual([true, true])
    expect(await Promise.all([...second.layers, second.root].map(({ digest }) => hasBytes(digest)))).toEqual([
      true,
      false,
      false,
    ])
    expect([await tagsOf('team/a'), await tagsOf('team/b'), await tagsOf('team/c')]).toEqual([['v1'], [], ['v1']])
    await pull('team/b', second, 'v1')
    expect(await tagsOf('team/b')).toEqual(['v1'])
    const mirrored = await scene.store.repository(`${fakeHost}/team/a`).manifest('v1')
    expect(mirrored?.digest).toBe(first.root.digest)
  })

  it('stay where something else keeps them: a hold, a set, a tag that somebody pushed, another repository', async () => {
    const scene = await openScene({
      options: { limits: { budget: { bytes: 0 }, minFree: { bytes: 0 }, keepSupersededMs: 1 } },
    })
    await using _ = scene.mirror
    const { upstream, store, objects, pull, hasBytes, evictor, now } = scene
    const images = Object.fromEntries(
      ['held', 'in-set', 'tagged', 'mounted', 'gone'].map((name) => [
        name,
        addImage(upstream, `team/${name}`, 'v1', [name]),
      ]),
    )
    for (const [name, image] of Object.entries(images)) await pull(`team/${name}`, image, 'v1')
    const digestsIn = (name: string): Digest[] => [images[name]!.root.digest, images[name]!.layers[0]!.digest]
    const content = [{ repository: `${fakeHost}/team/held`, digests: [digestsIn('held')[0]!] }]
    await createHolds(objects, { now }).take('mine', content, hour)
    await putSet(`${fakeHost}/team/in-set:v1`, images['in-set']!.root)
    await store.repository(`${fakeHost}/team/tagged`).putTag('mine', digestsIn('tagged')[0]!)
    await store.repository('mine').mount(digestsIn('mounted')[1]!, store.repository(`${fakeHost}/team/mounted`))

    const { evictions } = await evictor.look()
    expect(evictions.map(({ image }) => image.repository)).toEqual([
      `${fakeHost}/team/mounted`,
      `${fakeHost}/team/gone`,
    ])
    const left = await Promise.all(
      Object.keys(images).map(async (name) => [name, ...(await Promise.all(digestsIn(name).map(hasBytes)))]),
    )
    expect(left).toEqual([
      ['held', true, true],
      ['in-set', true, true],
      ['tagged', true, true],
      ['mounted', false, true],
      ['gone', false, false],
    ])

    async function putSet(name: string, root: Descriptor): Promise<void> {
      await store.repository(setRepository).putManifest(buildSet({ images: [{ name, root }], unresolved: [] }))
    }
  })

  it('go after the grace of a collection where somebody may build on them', async () => {
    const scene = await openScene({
      options: {
        limits: { budget: { bytes: 0 }, minFree: { bytes: 0 }, keepSupersededMs: 1 },
        isOnlyRead: () => false,
      },
    })
    await using _ = scene.mirror
    const { upstream, pull, hasBytes, tagsOf, evictor, clock, collect, store } = scene
    const [gone, needed] = ['gone', 'needed'].map((name) => addImage(upstream, `team/${name}`, 'v1', [name]))
    await pull('team/gone', gone!, 'v1')
    await pull('team/needed', needed!, 'v1')
    expect((await evictor.look()).evictions).toHaveLength(2)
    expect((await evictor.look()).pulledBytes).toBe(0)
    expect([await tagsOf('team/gone'), await hasBytes(gone!.layers[0]!.digest)]).toEqual([[], true])
    clock.at += 23 * hour
    await store.repository(`${fakeHost}/team/needed`).vouchFor(needed!.root.digest)
    clock.at += 2 * hour
    await collect()
    await collect()
    expect(await Promise.all([gone, needed].map((image) => hasBytes(image!.layers[0]!.digest)))).toEqual([false, true])
  })

  it('go within any budget, if somebody takes their tag away', async () => {
    const scene = await openScene()
    await using _ = scene.mirror
    const { upstream, pull, hasBytes, evictor, clock, collect, store, pulled } = scene
    const image = addImage(upstream, 'team/a', 'v1', ['one'])
    const child = { ...image.root, platform: { os: 'linux', architecture: 'amd64' } }
    const document = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [child] }
    const root = upstream.addManifest('team/a', document, { tag: 'all' })
    await pull('team/a', { root, layers: [] }, 'all')
    await pull('team/a', image, image.root.digest)
    await evictor.look()
    expect([...(await Array.fromAsync(pulled.all()))[0]!.manifests.keys()]).toEqual([root.digest])
    await store.repository(`${fakeHost}/team/a`).deleteTag('all')
    for (const hours of [160, 10, 25, 25]) {
      clock.at += hours * hour
      await collect()
      if (hours > 100) expect(await hasBytes(image.layers[0]!.digest)).toBe(true)
    }
    expect(await hasBytes(image.layers[0]!.digest)).toBe(false)
  })

  it('stay if they are asked for while others go', async () => {
    const scene = await openScene({
      options: { limits: { budget: { bytes: 0 }, minFree: { bytes: 0 }, keepSupersededMs: 1 } },
    })
    await using _ = scene.mirror
    const { upstream, pull, hasBytes, evictor, pulled, store, objects } = scene
    const image = addImage(upstream, 'team/a', 'v1', ['one'])
    await pull('team/a', image, 'v1')
    const before = (name: string) => createContentStore(objects).repository(name)
    // The tags of a repository are read after it is known who asked for what.
    store.repository = (name) => {
      pulled.used(`${fakeHost}/team/a`, image.root.digest)
      return before(name)
    }
    await evictor.look()
    expect(await hasBytes(image.layers[0]!.digest)).toBe(true)
  })

  it('stay as long as layers of them are asked for, or come', async () => {
    const limits = { budget: { bytes: 0 }, minFree: { bytes: 0 }, keepSupersededMs: 168 * hour }
    const scene = await openScene({ options: { limits, recentMs: hour / 4 } })
    await using _ = scene.mirror
    const { upstream, pull, evictor, clock, mirror } = scene
    const askFor = async (path: string): Promise<void> =>
      void (await (await mirror.ask(`/v2/${fakeHost}/${path}`)).arrayBuffer())
    const image = addImage(upstream, 'team/a', 'v1', ['one', 'two'])
    await pull('team/a', image, 'v1')
    await askFor(`team/a/blobs/${image.layers[0]!.digest}`)
    expect((await evictor.look()).evictions).toEqual([])
    clock.at += hour
    expect((await evictor.look()).evictions).toHaveLength(1)

    const slow = addImage(upstream, 'team/slow', 'v1', ['three'])
    await askFor('team/slow/manifests/v1')
    evictor.came = () => void (clock.at += hour)
    await askFor(`team/slow/blobs/${slow.layers[0]!.digest}`)
    expect((await evictor.look()).evictions).toEqual([])
  })

  it('go, when a tag has meant something else for long', async () => {
    const scene = await openScene({
      options: { limits: { budget: undefined, minFree: { bytes: 0 }, keepSupersededMs: 168 * hour } },
    })
    await using _ = scene.mirror
    const { upstream, pull, hasBytes, evictor, clock, mirror } = scene
    const old = addImage(upstream, 'team/a', 'v1', ['base', 'old'])
    await pull('team/a', old, 'v1')
    const moved = addImage(upstream, 'team/a', 'v1', ['base', 'new'])
    mirror.wait(10 * hour)
    await mirror.ask(`/v2/${fakeHost}/team/a/manifests/v1`)
    await expect
      .poll(async () => (await scene.store.repository(`${fakeHost}/team/a`).tag('v1'))?.digest)
      .toBe(moved.root.digest)
    await pull('team/a', moved, 'v1')
    clock.at += 160 * hour
    expect((await evictor.look()).evictions).toEqual([])
    clock.at += 8 * hour
    expect((await evictor.look()).evictions.map(({ reason }) => reason)).toEqual(['superseded'])
    const layers = [...old.layers, ...moved.layers].map(({ digest }) => hasBytes(digest))
    expect(await Promise.all(layers)).toEqual([true, false, true, true])
  })
})

describe('a disk that gets full', () => {
  it('is not emptied for a blob that does not fit on it', async () => {
    const disk = { size: 1e9, free: 5e7 }
    const scene = await openScene({
      options: {
        limits: { budget: undefined, minFree: { bytes: 0 }, keepSupersededMs: 168 * hour },
        disk: async () => disk,
      },
    })
    await using _ = scene.mirror
    const { upstream, pull, evictor } = scene
    await pull('team/a', addImage(upstream, 'team/a', 'v1', ['one']), 'v1')
    evictor.refused(2e9)
    const { evictions, stillShortBytes } = await evictor.look()
    expect([evictions, stillShortBytes > 1.9e9]).toEqual([[], true])
    evictor.refused(disk.free - 32 * 1024 * 1024 + 500)
    expect((await evictor.look()).evictions).toHaveLength(1)
  })

  it('makes pulled images go, and says so once if that is not enough', async () => {
    const disk = { size: 1e9, free: 1e9 }
    const scene = await openScene({
      options: {
        limits: { budget: undefined, minFree: { share: 0.1 }, keepSupersededMs: 168 * hour },
        disk: async () => disk,
      },
    })
    await using _ = scene.mirror
    const { upstream, pull, evictor } = scene
    await pull('team/a', addImage(upstream, 'team/a', 'v1', ['one']), 'v1')
    await pull('team/b', addImage(upstream, 'team/b', 'v1', ['two']), 'v1')
    expect((await evictor.look()).evictions).toEqual([])
    disk.free = 1e8 + 32 * 1024 * 1024 - 500
    expect((await evictor.look()).evictions.map(({ image }) => image.repository)).toEqual([`${fakeHost}/team/a`])
    await using _left = await scene.store.openUpload('session-left')
    scene.clock.at += 2 * hour
    disk.free = 0
    expect((await evictor.look()).stillShortBytes).toBeGreaterThan(1e8)
    expect(await Array.fromAsync(scene.objects.listUploads())).toEqual([])
    expect(
      evictor.samples().find(({ metric }) => metric.name === 'stowage_mirror_room_short_bytes')?.value,
    ).toBeGreaterThan(1e8)
  })
})
