import { expect, it } from 'vitest'
import { startAgent } from '../harness/agent.ts'
import { readContents } from '../harness/containerd/containerd-contents.ts'
import { runContainer } from '../harness/containerd/run-container.ts'
import { runnableImage } from '../harness/containerd/runnable-image.ts'
import { startContainerd, type Containerd } from '../harness/containerd/start-containerd.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { createIsland } from '../harness/island.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { cacheFlags, openLand, type Land } from '../harness/land.ts'
import { otherPlatform } from '../harness/machine-platform.ts'
import { requirePart } from '../harness/require-part.ts'
import { untilPresent } from '../harness/said-of-image.ts'
import type { PushedImage } from '../harness/source-registry.ts'
import { makeIndex } from '../image-maker/make-image.ts'

/** An image that prints its name, for this machine and beside one for another, and one without an index. */
async function pushImages({ works, source }: Land): Promise<PushedImage[]> {
  const shared = { layerSizes: [90_000], seed: 'shared' }
  const app = await runnableImage(works, { text: 'app:v1', ...shared })
  const other = await works.make({ seed: 'other', platform: otherPlatform })
  const tools = await runnableImage(works, { text: 'tools:v1', ...shared })
  return [
    await works.push(await makeIndex(works.layout, [other, app]), source, 'app:v1'),
    await works.push(tools, source, 'tools:v1'),
  ]
}

async function prints(containerd: Containerd, { reference }: PushedImage, text: string): Promise<void> {
  await using container = await runContainer(containerd, { image: reference })
  expect([await container.exited(), await container.output()]).toEqual([0, `${text}\n`])
}

/** What CRI lists, in one order. */
async function listOf({ cri }: Containerd): Promise<object[]> {
  return (await cri.listImages()).toSorted((a, b) => a.id.localeCompare(b.id))
}

for (const release of ['containerd', 'containerd-2'] as const) {
  const start = (journey: Journey, name: string): Promise<Containerd> =>
    startContainerd({ directory: journey.at(name), release })

  requirePart(release, 'busybox')(`on ${release}, a bundle`, () => {
    it.concurrent('brings a node without a link what others get online', async (test) => {
      await using journey = await openJourney(test)
      const file = journey.at('shop.tar')
      await using online = await start(journey, 'online')
      let images: PushedImage[]
      {
        await using land = await openLand(journey)
        const { centre } = land
        images = await pushImages(land)
        const [app, tools] = images.map(({ reference }) => reference)
        const lists = [{ images: [app!] }, { images: [tools!], pin: false }]
        await writeImageCache(centre.caches, { name: 'shop', lists })
        const runtime = `containerd:${online.files.socket}`
        await using _agent = await startAgent({ directory: journey.at('node'), central: centre.url, runtime })
        for (const image of images) await untilPresent(centre, image)
        expect(await land.export(file, ...cacheFlags('shop'))).toMatchObject({ code: 0 })
      }
      // Neither centre nor registry is there any more.
      await using offline = await start(journey, 'offline')
      const island = createIsland(journey.at('island'), { runtime: `containerd:${offline.files.socket}` })
      const imported = await island.import(file)
      expect(imported).toMatchObject({ code: 0 })
      for (const { reference, root } of images) expect(imported.stdout).toContain(`present ${reference} ${root.digest}`)
      const [is, was] = [await readContents(offline), await readContents(online)]
      expect(is).toEqual(was)
      expect(is).toMatchObject({ leases: [], ingests: [] })
      const isPinned = images.map(({ reference }) => 'io.cri-containerd.pinned' in (is.images[reference]?.labels ?? {}))
      expect(isPinned).toEqual([true, false])
      expect(await listOf(offline)).toEqual(await listOf(online))
      await prints(offline, images[0]!, 'app:v1')

      // Once more: there is nothing left to do.
      const contents = await readContents(offline)
      expect(await island.import(file)).toMatchObject({ code: 0 })
      expect(await readContents(offline)).toEqual(contents)

      await using plain = await start(journey, 'plain')
      await plain.ctr('images', 'import', file)
      for (const { reference, root } of images) {
        const image = await eventually(() => plain.cri.imageStatus(reference), { what: `${reference} in CRI's list` })
        expect((await readContents(plain)).images[reference]?.digest).toBe(root.digest)
        expect(image.repoTags).toEqual([reference])
      }
      await prints(plain, images[0]!, 'app:v1')
      await prints(plain, images[1]!, 'tools:v1')
    })
  })
}
