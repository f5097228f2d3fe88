import { expect, it } from 'vitest'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { blobsOf, parseManifest, partsOf } from '../oci/manifest.ts'
import { isFault } from '../oci/fault.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { fakeHost, openFakeMirror } from '../pull-through/fake-mirror.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import { blobKey } from '../store/content/content-keys.ts'
import type { ContentStore, Repository } from '../store/content-store.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { collectGarbage } from '../store/gc/collect-garbage.ts'
import { createSlowStore } from '../store/gc/slow-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { readObject } from '../store/read-object.ts'
import { createSeededRandom } from '../store/seeded-random.ts'
import { silentLog } from '../testing/silent-log.ts'
import { createEvictor } from './evictor.ts'
import { createPulledImages, pulledRoots } from './pulled-images.ts'

const { upstreamOf } = createFakePull()
const day = 86_400_000
const rules = { graceMs: day, untaggedMs: 7 * day, youngMs: 3600_000 }
const namesOf = (count: number): string[] => Array.from({ length: count }, (_, n) => `team/${n}`)

/** So many images that share layers, each in a repository of its own, and others with the same layers to be pushed. */
async function openUpstream(count: number) {
  const upstream = await upstreamOf()
  const contents = new Map<Digest, Buffer>()
  const add = (text: string, mediaType?: string): Descriptor => {
    const blob = upstream.addBlob(text, mediaType)
    contents.set(blob.digest, Buffer.from(text))
    return blob
  }
  const base = add('base'.repeat(200))
  const images = namesOf(count).map((repository) => {
    const layers = [base, add(repository.repeat(100))]
    const documentOf = (whose: string) => {
      const config = add(JSON.stringify({ whose, repository }), mediaTypes.config)
      return { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers }
    }
    const [document, mine] = [documentOf('upstream'), documentOf('mine')]
    const root = upstream.addManifest(repository, document, { tag: 'v1' })
    const pushed = { raw: Buffer.from(JSON.stringify(mine)), blobs: [mine.config, ...layers] }
    return { repository, root, pushed, blobs: [document.config, ...layers] }
  })
  return { upstream, images, contents }
}

function evictorOf(objects: ObjectStore, store: ContentStore, { now = Date.now, recentMs = 0, isAlone = true } = {}) {
  const pulled = createPulledImages(objects, { now })
  const collect = () => collectGarbage({ objects, rules, roots: [() => pulledRoots(pulled)], now, isAlone })
  const evictor = createEvictor({
    objects,
    store,
    pulled,
    roots: [],
    limits: { budget: { bytes: 0 }, minFree: { bytes: 0 }, keepSupersededMs: day },
    isOnlyRead: (repository) => isAlone && repository.startsWith(`${fakeHost}/`),
    collect,
    isAlone,
    now,
    log: silentLog,
    recentMs,
  })
  return { pulled, evictor }
}

it('does not forget what is on its way into the store', async () => {
  let at = day
  const objects = createMemoryStore()
  const now = (): number => at
  const { evictor, pulled } = evictorOf(objects, createContentStore(objects), { now, recentMs: 1000 })
  const [repository, digest] = [`${fakeHost}/team/0`, digestOf('on its way')]
  pulled.used(repository, digest)
  await evictor.look()
  expect(pulled.usedAt(repository, digest)).toBe(at)
  at += 1000
  await evictor.look()
  expect(pulled.usedAt(repository, digest)).toBeUndefined()
})

const seed = Date.now() % 2 ** 31

it(`takes images away under those who pull and mount them, and loses nothing that was mounted (seed ${seed})`, async () => {
  const { upstream, images, contents } = await openUpstream(8)
  const random = createSeededRandom(seed)
  // Time passes with the calls of the store, however fast the machine is.
  let at = Date.parse('2026-01-01')
  const now = (): number => at
  const objects = createSlowStore(createMemoryStore({ now }), { random, onCall: () => void at++ })
  const store = createContentStore(objects, { now })
  const { pulled, evictor } = evictorOf(objects, store, { now, recentMs: 100 })
  await using mirror = await openFakeMirror(upstream, { store, pulled, evictor })
  const pick = () => images[Math.floor(random() * images.length)]!
  let [evicted, mounted] = [0, 0]

  async function pull({ repository, root, blobs } = pick()): Promise<void> {
    const paths = ['manifests/v1', `manifests/${root.digest}`, ...blobs.map(({ digest }) => `blobs/${digest}`)]
    for (const path of paths) {
      const answer = await mirror.ask(`/v2/${fakeHost}/${repository}/${path}`)
      const digest = path.startsWith('blobs/') ? path.slice('blobs/'.length) : root.digest
      expect([answer.status, digestOf(Buffer.from(await answer.arrayBuffer()))]).toEqual([200, digest])
    }
  }

  /** As a client pushes: what cannot be mounted is uploaded. The manifest is another one: what is pushed is not evicted. */
  async function push(turn: number, { repository, pushed: { raw, blobs } } = pick()): Promise<void> {
    const mine = store.repository(`mine/${turn % 3}`)
    const source = store.repository(`${fakeHost}/${repository}`)
    for (const blob of blobs) {
      if (await mine.mount(blob.digest, source)) mounted++
      else await upload(mine, blob)
    }
    await mine.putManifest(parseManifest(raw), { tags: [`t${turn}`] })
  }

  async function upload(mine: Repository, blob: Descriptor): Promise<void> {
    await using ingest = await mine.ingest(blob)
    if (!ingest) return
    await ingest.write(once(contents.get(blob.digest)!.subarray(ingest.offset)))
    await ingest.commit()
  }

  await pull(images[0])
  await push(0, images[0])
  let isOver = false
  const evicting = (async () => {
    while (!isOver) evicted += (await evictor.look()).evictions.length
  })()
  const clients = Array.from({ length: 4 }, async (_, client) => {
    for (let turn = 0; turn < 15 || (evicted < 3 && turn < 30); turn++) {
      try {
        await (client < 2 ? pull() : push(turn * 4 + client))
      } catch (error) {
        // A push is to be tried again where bytes went at that moment.
        if (!isFault(error, 'unavailable')) throw error
      }
    }
  })
  await Promise.race([Promise.all(clients), evicting])
  isOver = true
  await Promise.all([...clients, evicting])
  await mirror[Symbol.asyncDispose]()
  // However they came together, the last who pulled have left something.
  at += day
  evicted += (await evictor.look()).evictions.length
  expect([evicted > 0, mounted > 0]).toEqual([true, true])

  for (const name of await store.repositories()) {
    if (!name.startsWith('mine/')) continue
    for (const { target } of await store.repository(name).tags()) {
      const manifest = await store.repository(name).manifest(target.digest)
      expect(manifest).toBeDefined()
      for (const digest of [target.digest, ...partsOf(manifest!)]) {
        expect(await objects.head(blobKey(digest))).toBeDefined()
        expect(await store.repository(name).stat(digest)).toBeDefined()
      }
    }
  }
})

it('leaves whole images or none, whichever write it is killed over, and the next one takes away the rest', async () => {
  const { upstream, images } = await openUpstream(2)
  const filled = createMemoryStore()
  const { pulled } = evictorOf(filled, createContentStore(filled))
  const mirror = await openFakeMirror(upstream, { store: createContentStore(filled), pulled })
  for (const { repository, root, blobs } of images) {
    const paths = ['manifests/v1', `manifests/${root.digest}`, ...blobs.map(({ digest }) => `blobs/${digest}`)]
    for (const path of paths) await (await mirror.ask(`/v2/${fakeHost}/${repository}/${path}`)).arrayBuffer()
  }
  await mirror[Symbol.asyncDispose]()
  await pulled.flush()

  for (let mostWrites = 0, isDone = false; !isDone; mostWrites++) {
    const objects = await copyOf(filled)
    const store = createContentStore(objects)
    const dying = dyingAfter(objects, mostWrites)
    isDone = await evictorOf(dying, createContentStore(dying))
      .evictor.look()
      .then(() => true)
      .catch((error: unknown) => {
        if (error !== killed) throw error
        return false
      })

    for (const { repository } of images) {
      const here = store.repository(`${fakeHost}/${repository}`)
      const manifest = await here.manifest('v1')
      if (manifest?.kind !== 'manifest') continue
      for (const blob of blobsOf(manifest)) expect(await here.hasBlob(blob)).toBe(true)
    }
    const next = evictorOf(objects, store)
    await next.evictor.look()
    // What was condemned when it was killed goes with the grace of a collection.
    const later = () => Date.now() + 30 * day
    for (let turn = 0; turn < 3; turn++) await collectGarbage({ objects, rules, roots: [], now: later, isAlone: true })
    expect([mostWrites, await Array.fromAsync(objects.list('blobs/'))]).toEqual([mostWrites, []])
  }
})

it('gives images the whole grace in a store that others use, too, however far its clock is behind', async () => {
  const { upstream, images } = await openUpstream(1)
  let at = Date.parse('2026-01-01')
  const now = (): number => at
  const objects = createMemoryStore({ now: () => at + day })
  const store = createContentStore(objects, { now })
  const { pulled, evictor } = evictorOf(objects, store, { now, isAlone: false })
  await using mirror = await openFakeMirror(upstream, { store, pulled, evictor })
  await (await mirror.ask(`/v2/${fakeHost}/${images[0]!.repository}/manifests/v1`)).arrayBuffer()
  expect((await evictor.look()).evictions).toHaveLength(1)
  const collect = () => collectGarbage({ objects, rules, roots: [], now, isAlone: false })
  at += day - 1
  expect((await collect()).links.deleted).toBe(0)
  at++
  expect((await collect()).links.deleted).toBe(1)
})

async function copyOf(objects: ObjectStore): Promise<ObjectStore> {
  const copy = createMemoryStore()
  for await (const { key } of objects.list('')) await copy.putIfAbsent(key, (await readObject(objects, key))!.bytes)
  return copy
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

const killed = new Error('killed')

function dyingAfter(objects: ObjectStore, mostWrites: number): ObjectStore {
  let writes = 0
  const live = <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (writes++ >= mostWrites) throw killed
    return work()
  }
  return {
    ...objects,
    putIfAbsent: async (...put) => await live(() => objects.putIfAbsent(...put)),
    putIfMatch: async (...put) => await live(() => objects.putIfMatch(...put)),
    delete: async (...which) => await live(() => objects.delete(...which)),
  }
}
