import { describe, expect, it } from 'vitest'
import type { Digest } from '@stowage/mirror/oci/digest'
import { createTestImage, createTestLayer, type TestImage } from '../testing/test-image.ts'
import type { Runtime } from './runtime.ts'

/** A runtime to try, and what the suite needs around it. */
export interface RuntimeUnderTest {
  readonly runtime: Runtime
  /** Puts bytes into a file of the agent's, checked and synced; resolves with its path. */
  readonly stage: (bytes: Uint8Array) => Promise<string>
  /** Brings an image as another tool would, with no mark of ours. */
  bringAsOthers(name: string, image: TestImage): Promise<void>
  /** The same runtime as the next process finds it. */
  reopen(): Promise<Runtime>
}

/** What every runtime does, as far as it says that it can. */
export function runtimeConformance(name: string, open: () => Promise<RuntimeUnderTest>): void {
  const layer = createTestLayer
  const nothing: ReadonlySet<Digest> = new Set()

  async function bring(test: RuntimeUnderTest, image: TestImage, as: string): Promise<void> {
    await bringBlobs(test, image)
    await test.runtime.publish(as, image.graph)
  }
  async function bringBlobs({ runtime, stage }: RuntimeUnderTest, { graph, blobs }: TestImage): Promise<void> {
    for (const descriptor of await runtime.begin(graph)) {
      await runtime.accept(graph, { descriptor, path: await stage(blobs.get(descriptor.digest) ?? Buffer.of()) })
    }
  }
  /** How many layers are to be fetched: the configuration comes with the manifests. */
  const missing = async (runtime: Runtime, { graph }: TestImage): Promise<number> => (await runtime.begin(graph)).length

  describe(`${name} as a runtime`, () => {
    it('lists an image once it is published, under its name and as ours', async () => {
      const test = await open()
      const image = createTestImage([await layer(), await layer()])
      await bringBlobs(test, image)
      expect(await test.runtime.list()).toEqual([])
      await test.runtime.publish('r.example/a:1', image.graph)
      expect(await test.runtime.list()).toMatchObject([
        { name: 'r.example/a:1', digest: image.root.digest, owned: true },
      ])
      expect(await (await test.reopen()).list()).toHaveLength(1)
    })

    it('refuses to name an image of which something is missing', async () => {
      const { runtime } = await open()
      const image = createTestImage([await layer()])
      await runtime.begin(image.graph)
      await expect(runtime.publish('r.example/a:1', image.graph)).rejects.toMatchObject({ code: 'conflict' })
      expect(await runtime.list()).toEqual([])
    })

    it('asks only for what no other image has brought', async () => {
      const test = await open()
      const shared = await layer()
      await bring(test, createTestImage([shared]), 'r.example/a:1')
      const wanted = await test.runtime.begin(createTestImage([shared, await layer()]).graph)
      expect(wanted).toHaveLength(1)
    })

    it('keeps half an image for as long as it is wanted', async () => {
      const test = await open()
      const image = createTestImage([await layer(), await layer()])
      const [first] = await test.runtime.begin(image.graph)
      if (!first) throw new Error('nothing is missing')
      await test.runtime.accept(image.graph, {
        descriptor: first,
        path: await test.stage(image.blobs.get(first.digest) ?? Buffer.of()),
      })
      const reopened = await test.reopen()
      await reopened.collect(new Set([image.root.digest]))
      expect(await missing(reopened, image)).toBe(1)
      await reopened.collect(nothing)
      expect(await missing(reopened, image)).toBe(2)
    })

    it('gives two names to one image', async () => {
      const test = await open()
      const image = createTestImage([await layer()])
      await bring(test, image, 'r.example/a:1')
      await bring(test, image, 'r.example/a:latest')
      expect((await test.runtime.list()).map((listed) => listed.name).toSorted()).toEqual([
        'r.example/a:1',
        'r.example/a:latest',
      ])
      expect(await test.runtime.remove('r.example/a:1')).toBe('removed')
      await test.runtime.collect(nothing)
      expect(await test.runtime.list()).toMatchObject([{ name: 'r.example/a:latest' }])
    })

    it('moves a name, keeps what it meant until it is collected, and shared content beyond', async () => {
      const test = await open()
      const shared = await layer()
      const [v1, v2] = [createTestImage([shared, await layer()]), createTestImage([shared, await layer()])]
      await bring(test, v1, 'r.example/a:1')
      await bring(test, v2, 'r.example/a:1')
      expect(await test.runtime.list()).toMatchObject([{ name: 'r.example/a:1', digest: v2.root.digest, owned: true }])
      expect(await missing(test.runtime, v1)).toBe(0)
      await test.runtime.collect(nothing)
      expect(await missing(test.runtime, v1)).toBe(1)
      expect(await test.runtime.list()).toHaveLength(1)
    })

    it('removes a name at once and its content when it is collected', async () => {
      const test = await open()
      const image = createTestImage([await layer()])
      await bring(test, image, 'r.example/a:1')
      expect(await test.runtime.remove('r.example/a:1')).toBe('removed')
      expect(await test.runtime.remove('r.example/a:1')).toBe('absent')
      expect(await test.runtime.list()).toEqual([])
      await test.runtime.collect(nothing)
      expect(await missing(test.runtime, image)).toBe(1)
    })

    it('names again what was removed and not collected, without fetching', async () => {
      const test = await open()
      const image = createTestImage([await layer()])
      await bring(test, image, 'r.example/a:1')
      await test.runtime.remove('r.example/a:1')
      await bring(test, image, 'r.example/a:1')
      await test.runtime.collect(nothing)
      expect(await test.runtime.list()).toHaveLength(1)
    })

    it('shows the documents of what is there, whoever brought it', async () => {
      const test = await open()
      const image = createTestImage([await layer()])
      const { digest, raw } = image.graph.manifest
      expect(await test.runtime.document(digest)).toBeUndefined()
      await test.bringAsOthers('r.example/a:1', image)
      expect(Buffer.from((await test.runtime.document(digest)) ?? []).equals(raw)).toBe(true)
    })

    it('lists what others brought as not ours, and adopts it', async () => {
      const test = await open()
      const image = createTestImage([await layer()])
      await test.bringAsOthers('r.example/a:1', image)
      expect(await test.runtime.list()).toMatchObject([
        { name: 'r.example/a:1', digest: image.root.digest, owned: false },
      ])
      await test.runtime.adopt('r.example/a:1')
      expect(await test.runtime.list()).toMatchObject([{ owned: true }])
    })

    it('holds an image against the collection of the runtime as it is told, and says so, if it can pin at all', async () => {
      const test = await open()
      const image = createTestImage([await layer()])
      const { capabilities } = test.runtime
      const pinned = async (): Promise<unknown[]> => (await (await test.reopen()).list()).map((listed) => listed.pinned)
      const as = (...pins: boolean[]): unknown[] => pins.map((pin) => (capabilities.pin ? pin : undefined))
      await bring(test, image, 'r.example/a:1')
      expect(await pinned()).toEqual(as(true))
      await test.runtime.adopt('r.example/a:1', { pin: false })
      expect(await pinned()).toEqual(as(false))
      await test.runtime.publish('r.example/a:2', image.graph, { pin: false })
      expect(await pinned()).toEqual(as(false, false))
      await test.runtime.publish('r.example/a:2', image.graph, { pin: true })
      expect(await pinned()).toEqual(as(false, true))
      expect(await test.runtime.list()).toMatchObject([{ owned: true }, { owned: true }])
    })

    it('never collects what others brought, nor what they share with us', async () => {
      const test = await open()
      const shared = await layer()
      const [theirs, ours] = [createTestImage([shared]), createTestImage([shared, await layer()])]
      await test.bringAsOthers('r.example/theirs:1', theirs)
      await bring(test, ours, 'r.example/ours:1')
      await test.runtime.remove('r.example/ours:1')
      await test.runtime.collect(nothing)
      expect(await test.runtime.list()).toMatchObject([
        { name: 'r.example/theirs:1', digest: theirs.root.digest, owned: false },
      ])
    })

    it('leaves a forgotten image where it is, for ever', async () => {
      const test = await open()
      await bring(test, createTestImage([await layer()]), 'r.example/a:1')
      await test.runtime.forget('r.example/a:1')
      await test.runtime.forget('r.example/never-there:1')
      await test.runtime.collect(nothing)
      expect(await test.runtime.list()).toMatchObject([{ name: 'r.example/a:1', owned: false }])
    })

    it('does each thing again without harm', async () => {
      const test = await open()
      const image = createTestImage([await layer()])
      for (let again = 0; again < 2; again++) {
        await bring(test, image, 'r.example/a:1')
        await test.runtime.adopt('r.example/a:1')
        await test.runtime.collect(new Set([image.root.digest]))
      }
      expect(await test.runtime.list()).toHaveLength(1)
    })

    it('knows how much room there is', async () => {
      expect(await (await open()).runtime.freeBytes()).toBeGreaterThan(0)
    })
  })
}
