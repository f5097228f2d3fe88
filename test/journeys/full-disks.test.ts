import { rm, statfs, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import type { FaultCode } from '@stowage/mirror/oci/fault'
import { startAgent } from '../harness/agent.ts'
import { startCentre, type Centre } from '../harness/centre.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { holds, untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import { mountSmallDisk, type SmallDisk } from '../harness/small-disk.ts'
import {
  openImageWorks,
  startSourceRegistry,
  type PushedImage,
  type SourceRegistry,
} from '../harness/source-registry.ts'
import { runStowage } from '../harness/stowage.ts'
import { askCentre } from '../harness/stowage-get.ts'
import { startLink } from '../link/start-link.ts'

const mebibyte = 1024 * 1024

interface Images {
  readonly source: SourceRegistry
  readonly small: PushedImage
  readonly large: PushedImage
}

async function pushImages(journey: Journey, largeSize: number): Promise<Images & AsyncDisposable> {
  const works = await openImageWorks(journey.at('made'))
  const source = await startSourceRegistry({ directory: journey.at('source') })
  const small = await works.push(await works.make({ seed: 'small' }), source, 'small:v1')
  const large = await works.push(await works.make({ seed: 'large', layerSizes: [largeSize] }), source, 'large:v1')
  return { source, small, large, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() }
}

async function untilNoSpaceIsSaid({ url }: Centre, { reference }: PushedImage): Promise<void> {
  const code: FaultCode = 'no-space'
  await eventually(
    async () => {
      const [cache] = await askCentre('caches', url)
      const view = (await askCentre('images', url)).find(({ name }) => name === reference)
      if (/no space|disk is full/i.test(view?.message ?? '')) return true
      throw new Error(`${code} is not in ${JSON.stringify(view)}, nor in ${JSON.stringify(cache?.conditions)}`)
    },
    { what: 'the full disk said', withinMs: 30_000, everyMs: 200 },
  )
}

/** Takes all room on a disk, but for what a file system keeps for itself. */
async function fill({ directory }: SmallDisk): Promise<{ remove(): Promise<void> }> {
  const file = path.join(directory, 'filler')
  const { bavail, bsize } = await statfs(directory)
  await writeFile(file, Buffer.alloc(bavail * bsize)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOSPC') throw error // Somebody else took a little of it meanwhile: it is full all the same.
  })
  return { remove: () => rm(file) }
}

requirePart('root')('a full disk', () => {
  it.concurrent(
    'at the centre keeps no small image waiting for a large one, and is forgotten when there is room again',
    async (test) => {
      await using journey = await openJourney(test)
      await using images = await pushImages(journey, 20 * mebibyte)
      const { small, large } = images
      // The centre leaves 32 MiB of its disk to what it has to remember.
      await using disk = await mountSmallDisk(journey.at('centre', 'data'), 45 * mebibyte)
      await using centre = await startCentre({ directory: journey.at('centre') })
      await using agent = await startAgent({ directory: journey.at('node'), central: centre.url })
      await writeImageCache(centre.caches, { name: 'shop', images: [large.reference, small.reference] })
      await untilHeld(agent.layout, [small])
      await untilNoSpaceIsSaid(centre, large)
      await centre.kill()
      await centre.start()
      await untilNoSpaceIsSaid(centre, large)
      await holds(agent.layout, [small])

      await disk.resize(100 * mebibyte)
      await untilHeld(agent.layout, [small, large])
    },
  )

  it.concurrent(
    'that others fill to the last byte does not end the centre, which goes on when there is room again',
    async (test) => {
      await using journey = await openJourney(test)
      await using images = await pushImages(journey, 2 * mebibyte)
      const { small, large } = images
      await using disk = await mountSmallDisk(journey.at('centre', 'data'), 50 * mebibyte)
      await using centre = await startCentre({ directory: journey.at('centre') })
      await using agent = await startAgent({ directory: journey.at('node'), central: centre.url })
      await writeImageCache(centre.caches, { name: 'shop', images: [small.reference] })
      await untilHeld(agent.layout, [small])
      const filler = await fill(disk)
      await writeImageCache(centre.caches, { name: 'shop', images: [small.reference, large.reference] })
      const words = 'wishes are not in force: the centre cannot act on what is written: '
      await eventually(
        async () => {
          const { stderr } = await runStowage(['get', 'images', '--central', centre.url])
          return stderr.startsWith(words) && stderr.includes('the disk is full; free some space')
        },
        { what: 'the full disk said', withinMs: 30_000, everyMs: 200 },
      )
      await holds(agent.layout, [small])
      expect(centre.isRunning()).toBe(true)
      await filler.remove()
      await untilHeld(agent.layout, [small, large])
    },
  )

  it.concurrent(
    'at a node keeps no small image waiting for a large one, and is forgotten when there is room again',
    async (test) => {
      await using journey = await openJourney(test)
      await using images = await pushImages(journey, 15 * mebibyte)
      const { small, large } = images
      await using centre = await startCentre({ directory: journey.at('centre') })
      // The agent leaves 32 MiB of its disks to others.
      await using _disk = await mountSmallDisk(journey.at('node', 'data'), 100 * mebibyte)
      await using layoutDisk = await mountSmallDisk(journey.at('node', 'images'), 40 * mebibyte)
      await using agent = await startAgent({ directory: journey.at('node'), central: centre.url })
      await writeImageCache(centre.caches, { name: 'shop', images: [large.reference, small.reference] })
      await untilHeld(agent.layout, [small])
      await untilNoSpaceIsSaid(centre, large)
      await layoutDisk.resize(100 * mebibyte)
      await untilHeld(agent.layout, [small, large])
    },
  )

  it.concurrent('that others fill while a node fetches is said, and what came before stays', async (test) => {
    await using journey = await openJourney(test)
    await using images = await pushImages(journey, 15 * mebibyte)
    const { small, large } = images
    await using centre = await startCentre({ directory: journey.at('centre') })
    await using link = await startLink({ upstream: centre.url })
    // One disk for all that a node keeps, but for its log.
    await using disk = await mountSmallDisk(journey.at('disk'), 80 * mebibyte)
    const flags = ['--data', path.join(disk.directory, 'data'), '--runtime', `layout:${disk.directory}/images`]
    const layout = path.join(disk.directory, 'images')
    await using agent = await startAgent({ directory: journey.at('node'), central: link.url, flags })
    await writeImageCache(centre.caches, { name: 'shop', images: [small.reference] })
    await untilHeld(layout, [small])
    await link.shape({ downBytesPerSecond: 2 * mebibyte })
    await writeImageCache(centre.caches, { name: 'shop', images: [small.reference, large.reference] })
    await eventually(async () => (await link.stats()).total.blobBytes > 3 * mebibyte, { withinMs: 20_000 })
    const filler = await fill(disk)
    await untilNoSpaceIsSaid(centre, large)
    await holds(layout, [small])
    expect(agent.isRunning()).toBe(true)
    await filler.remove()
    await link.shape({ downBytesPerSecond: null })
    await untilHeld(layout, [small, large])
    expect((await link.stats()).total.blobBytes).toBeLessThan(17 * mebibyte)
  })
})
