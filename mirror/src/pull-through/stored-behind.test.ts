import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Fault } from '../oci/fault.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { addFakeImage } from '../registry/fake-image.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import { createPulledImages } from '../eviction/pulled-images.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { localPath as local, openFakeMirror } from './fake-mirror.ts'

const { upstreamOf } = createFakePull()
const stored = { headers: { 'cache-control': 'only-if-cached' } }

/** A store whose disk writes nothing before it may. */
function slowStore(mayWrite: () => Promise<void>): ObjectStore {
  const objects = createMemoryStore()
  return {
    ...objects,
    async putIfAbsent(...put) {
      await mayWrite()
      return await objects.putIfAbsent(...put)
    },
  }
}

describe('a manifest that was not here', () => {
  it('is answered with before it is stored, however it is asked for, and is fetched once', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    const { promise, resolve: write } = Promise.withResolvers<void>()
    await using mirror = await openFakeMirror(upstream, { store: createContentStore(slowStore(() => promise)) })
    const byTag = `${local}/manifests/v1`
    const asked = [byTag, `${local}/manifests/${root.digest}`].flatMap((path) =>
      ['GET', 'HEAD'].map((method) => ({ path, method })),
    )
    for (const { path, method } of asked) {
      const answer = await mirror.ask(path, { method })
      expect([answer.status, answer.headers.get('docker-content-digest')]).toEqual([200, root.digest])
    }
    const known = await mirror.ask(byTag, { headers: { 'if-none-match': `"${root.digest}"` } })
    expect(known.status).toBe(304)
    expect((await mirror.ask(byTag, stored)).status).toBe(404)
    write()
    await expect.poll(async () => (await mirror.ask(byTag, stored)).status).toBe(200)
    expect(upstream.requests).toHaveLength(1)
  })

  it('is stored when the mirror has ended', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    const { promise, resolve: write } = Promise.withResolvers<void>()
    const store = createContentStore(slowStore(() => promise))
    const mirror = await openFakeMirror(upstream, { store })
    await mirror.ask(`${local}/manifests/v1`)
    const ended = mirror[Symbol.asyncDispose]()
    expect(await Promise.race([ended, delay(100, 'waits')])).toBe('waits')
    write()
    await ended
    expect((await store.repository('reg.example/team/app').tag('v1'))?.digest).toBe(root.digest)
  })

  it('is passed on where it cannot be stored, and asked for again then', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    const broken = Promise.reject(new Fault('unavailable', 'the disk does not write'))
    broken.catch(() => undefined)
    await using mirror = await openFakeMirror(upstream, { store: createContentStore(slowStore(() => broken)) })
    const ask = async (): Promise<unknown[]> => {
      const answer = await mirror.ask(`${local}/manifests/v1`)
      return [answer.status, answer.headers.get('docker-content-digest')]
    }
    expect(await ask()).toEqual([200, root.digest])
    await expect
      .poll(async () => {
        expect(await ask()).toEqual([200, root.digest])
        return upstream.requests.length
      })
      .toBeGreaterThan(1)
  })

  it.each<[string, Partial<Fault>]>([
    ['the disk refuses it', {}],
    ['a collection deletes its bytes', { retryAfterMs: 5000 }],
  ])('is stored though %s at first: who has it does not come again', async (_, { retryAfterMs }) => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    let refusals = 0
    const mayWrite = async (): Promise<void> => {
      if (++refusals <= 2) throw new Fault('unavailable', 'not now', retryAfterMs ? { retryAfterMs } : {})
    }
    await using mirror = await openFakeMirror(upstream, { store: createContentStore(slowStore(mayWrite)) })
    const answer = await mirror.ask(`${local}/manifests/v1`)
    expect(answer.headers.get('docker-content-digest')).toBe(root.digest)
    await expect.poll(async () => (await mirror.ask(`${local}/manifests/v1`, stored)).status).toBe(200)
    expect([upstream.requests.length, refusals > 2]).toEqual([1, true])
  })

  it('waits for the disk once 32 MiB do', async () => {
    const upstream = await upstreamOf()
    const { config } = addFakeImage(upstream)
    const { promise, resolve: write } = Promise.withResolvers<void>()
    await using mirror = await openFakeMirror(upstream, { store: createContentStore(slowStore(() => promise)) })
    const large = Array.from({ length: 9 }, (_, count) => {
      const annotations = { 'org.example.large': `${count}`.repeat(4_000_000) }
      const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [], annotations }
      return upstream.addManifest('team/app', document).digest
    })
    const last = large.pop()
    for (const digest of large) expect((await mirror.ask(`${local}/manifests/${digest}`)).status).toBe(200)
    const waiting = mirror.ask(`${local}/manifests/${last}`).then(({ status }) => status)
    expect(await Promise.race([waiting, delay(300, 'waits')])).toBe('waits')
    expect(upstream.requests).toHaveLength(large.length)
    write()
    expect(await waiting).toBe(200)
  })

  it('is stored with its tag by one write of the record of its repository, however many come at once', async () => {
    const upstream = await upstreamOf()
    const { config, layer } = addFakeImage(upstream)
    const tags = Array.from({ length: 30 }, (_, count) => `v${count + 2}`)
    for (const tag of tags) {
      const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [layer] }
      upstream.addManifest('team/app', { ...document, annotations: { tag } }, { tag })
    }
    const memory = createMemoryStore()
    let written = 0
    const counted: ObjectStore = {
      ...memory,
      putIfAbsent: (...put) => (written++, memory.putIfAbsent(...put)),
      putIfMatch: (...put) => (written++, memory.putIfMatch(...put)),
    }
    const pulled = createPulledImages(counted, { now: () => 0 })
    const { promise, resolve: write } = Promise.withResolvers<void>()
    const store = createContentStore(slowStore(() => promise))
    await using mirror = await openFakeMirror(upstream, { store, pulled })
    for (const tag of tags) expect((await mirror.ask(`${local}/manifests/${tag}`)).status).toBe(200)
    write()
    const repository = store.repository('reg.example/team/app')
    await expect.poll(async () => (await repository.tags()).length).toBe(tags.length)
    expect(written).toBe(tags.length)
  })

  it('and could not be stored is looked for again if it speaks of an image', async () => {
    const upstream = await upstreamOf({ referrersPerPage: 10 })
    const { root: subject, config } = addFakeImage(upstream)
    const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [], subject }
    const { digest } = upstream.addManifest('team/app', { ...document, artifactType: 'application/vnd.example' })
    const mayWrite = { promise: Promise.reject<void>(new Fault('unavailable', 'the disk does not write')) }
    mayWrite.promise.catch(() => undefined)
    await using mirror = await openFakeMirror(upstream, {
      store: createContentStore(slowStore(() => mayWrite.promise)),
    })
    const list = async (): Promise<unknown> => (await mirror.ask(`${local}/referrers/${subject.digest}`)).json()
    expect(await list()).toMatchObject({ manifests: [] })
    mayWrite.promise = Promise.resolve()
    expect(await list()).toMatchObject({ manifests: [{ digest }] })
  })

  it('is not given to whom its digest is refused', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream, {
      authorize: (_, access) => ({ allowed: !('digest' in access) || access.digest !== root.digest }),
    })
    for (let count = 0; count < 2; count++) expect((await mirror.ask(`${local}/manifests/v1`)).status).toBe(403)
  })
})
