import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { describe, expect, it } from 'vitest'
import { startAgent } from '../harness/agent.ts'
import { eventually } from '../harness/eventually.ts'
import { removeImageCache, writeImageCache } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { machinePlatform } from '../harness/machine-platform.ts'
import { holds, untilGone, untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import { untilPresent } from '../harness/said-of-image.ts'
import { openSite, type Site } from '../harness/site.ts'
import { imageAt, type PushedImage } from '../harness/source-registry.ts'
import { askCentre, stowageGet } from '../harness/stowage-get.ts'
import { hasBlob, namesInLayout } from '../harness/verify-layout.ts'
import { createOciLayout } from '../image-maker/oci-layout.ts'
import { smallImage } from '../image-maker/small-image.ts'

describe('an image taken out of a list', () => {
  it('leaves after everything still wanted is there', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const { centre, link, agent } = site
    const old = await site.push('old')
    const stays = await site.push('stays')
    const next = await site.push('next', { layerSizes: [2_000, 6_000_000] })
    await writeImageCache(centre.caches, { name: 'shop', images: [old.reference, stays.reference] })
    await untilHeld(agent.layout, [old, stays])

    await link.shape({ downBytesPerSecond: 300_000 })
    const before = (await link.stats()).total.blobBytes
    await writeImageCache(centre.caches, { name: 'shop', images: [stays.reference, next.reference] })
    await eventually(async () => (await link.stats()).total.blobBytes > before + 50_000, { withinMs: 20_000 })
    await link.cut('silence')
    const isOffline = async (): Promise<boolean> => (await askCentre('nodes', centre.url))[0]?.online === false
    await eventually(isOffline, { what: 'the node offline', withinMs: 30_000 })
    // Long ago the node read that `old` is wanted no more; it must not go before `next` is there.
    await holds(agent.layout, [old, stays])
    expect(await namesInLayout(agent.layout)).not.toContain(next.reference)

    await link.shape({ downBytesPerSecond: null })
    await link.up()
    await eventually(
      async () => {
        // Names first: what is gone by then must not be so without `next`.
        const names = await namesInLayout(agent.layout)
        if (names.includes(old.reference)) return false
        return holds(agent.layout, [next, stays])
      },
      { what: 'old gone', withinMs: 60_000 },
    )
    const said = async (): Promise<object> => {
      const images = await stowageGet('images', centre.url)
      return Object.fromEntries(images.map(({ name, state }) => [name, state]))
    }
    // The node does it first and says it then.
    await expect.poll(said).toEqual({ [next.reference]: 'present', [stays.reference]: 'present' })
  })

  it('leaves nothing behind but what others share', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const { works, source, centre, agent } = site
    const [goes, stays] = [await works.make({ layerSizes: [9_000, 7_000] }), await works.make({ layerSizes: [9_000] })]
    const pushed = [await works.push(goes, source, 'goes:v1'), await works.push(stays, source, 'stays:v1')] as const
    const references = pushed.map(({ reference }) => reference)
    await writeImageCache(centre.caches, { name: 'shop', images: references })
    await untilHeld(agent.layout, pushed)
    const own = [goes.manifest.digest, goes.config.digest, goes.layers[1]!.digest]
    expect(goes.layers[0]!.digest).toBe(stays.layers[0]!.digest)

    await writeImageCache(centre.caches, { name: 'shop', images: [pushed[1].reference] })
    await untilGone(agent.layout, pushed[0])
    for (const digest of own) {
      await eventually(async () => !(await hasBlob(agent.layout, digest)), { what: `${digest} gone` })
    }
    await holds(agent.layout, [pushed[1]])
  })

  it('leaves a node that is selected no more, because an administrator or its own label says so', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey, { agent: { labels: { tier: 'backend' } } })
    const { centre, agent, link } = site
    const everywhere = await site.push('everywhere')
    const backend = await site.push('backend')
    const lists = [
      { images: [everywhere.reference] },
      { images: [backend.reference], nodeSelector: { tier: 'backend' } },
    ]
    await writeImageCache(centre.caches, { name: 'shop', lists })
    await untilHeld(agent.layout, [everywhere, backend])

    const edgeNode = `apiVersion: stowage.dev/v1alpha1\nkind: EdgeNode\nmetadata: { name: ${agent.node}, labels: { tier: frontend } }\n`
    await writeFile(path.join(centre.caches, 'node.yaml'), edgeNode)
    await untilGone(agent.layout, backend)
    await holds(agent.layout, [everywhere])
    await removeImageCache(centre.caches, 'node')
    await untilHeld(agent.layout, [everywhere, backend])

    await agent.stop()
    const relabelled = { directory: journey.at('node'), central: link.url, labels: { tier: 'frontend' } }
    await using _again = await startAgent(relabelled)
    await untilGone(agent.layout, backend)
    await holds(agent.layout, [everywhere])
  })
})

describe('a deleted ImageCache', () => {
  it('leaves its images by default, and takes them away when its policy is Purge', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const { centre, agent, link } = site
    // Layers of one seed: what goes shares with what stays.
    const [living, kept, purged] = [
      await site.push('living', { seed: 'same', layerSizes: [9_000, 1_000] }),
      await site.push('kept', { seed: 'same', layerSizes: [9_000, 2_000] }),
      await site.push('purged', { seed: 'same', layerSizes: [9_000, 3_000] }),
    ]
    await writeImageCache(centre.caches, { name: 'living', images: [living.reference] })
    await writeImageCache(centre.caches, { name: 'keep', images: [kept.reference] })
    const spec = { deletionPolicy: 'Purge' }
    await writeImageCache(centre.caches, { name: 'purge', images: [purged.reference, living.reference], spec })
    await untilHeld(agent.layout, [living, kept, purged])

    await removeImageCache(centre.caches, 'keep')
    await removeImageCache(centre.caches, 'purge')
    await untilGone(agent.layout, purged)
    await eventually(async () => (await stowageGet('caches', centre.url)).length === 1, { withinMs: 20_000 })
    await holds(agent.layout, [living, kept])

    // What was left behind is adopted by whoever names it next, and leaves as any other then.
    await link.resetCounters()
    await writeImageCache(centre.caches, { name: 'living', images: [living.reference, kept.reference] })
    await untilPresent(centre, kept)
    expect((await link.stats()).sinceReset.blobBytes).toBe(0)
    await writeImageCache(centre.caches, { name: 'living', images: [living.reference] })
    await untilGone(agent.layout, kept)
    await holds(agent.layout, [living])
  })
})

/** A tool of somebody else's that puts an image into a layout. */
type Placing = (site: Site, image: { seed: string; layerSizes: number[]; name: string }) => Promise<PushedImage>

const placeByHand: Placing = async ({ agent }, { seed, layerSizes, name }) => {
  const layout = await createOciLayout(agent.layout)
  const { manifest } = await smallImage(layout, { seed, layerSizes, platform: machinePlatform, name })
  return imageAt(name, manifest)
}

const placeBySkopeo: Placing = async ({ works, agent }, { seed, layerSizes, name }) => {
  const { manifest } = await works.make({ seed, layerSizes, name })
  await execa('skopeo', ['copy', `oci:${works.layout.directory}:${name}`, `oci:${agent.layout}:${name}`])
  return imageAt(name, manifest)
}

function imagesOfOthers(place: Placing): void {
  it('are never removed, also when they share blobs with what is', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const { centre, agent } = site
    const early = await place(site, { seed: 'same', layerSizes: [9_000, 4_000], name: 'elsewhere.example/early:v1' })
    const ours = await site.push('ours', { seed: 'same', layerSizes: [9_000, 2_000] })
    const other = await site.push('other', { seed: 'same', layerSizes: [9_000, 3_000] })
    const spec = { deletionPolicy: 'Purge' }
    await writeImageCache(centre.caches, { name: 'shop', images: [ours.reference, other.reference], spec })
    await untilHeld(agent.layout, [early, ours, other])
    // The very blobs of an image of ours, under a name that nobody gave us.
    const twin = await place(site, { seed: 'same', layerSizes: [9_000, 2_000], name: 'elsewhere.example/twin:v1' })
    expect(twin.root.digest).toBe(ours.root.digest)

    await writeImageCache(centre.caches, { name: 'shop', images: [other.reference], spec })
    await untilGone(agent.layout, ours)
    await removeImageCache(centre.caches, 'shop')
    await untilGone(agent.layout, other)
    await agent.stop()
    await agent.start()
    const again = await site.push('again')
    await writeImageCache(centre.caches, { name: 'shop', images: [again.reference], spec })
    await untilHeld(agent.layout, [early, twin, again])
  })

  it('are adopted without a byte when a list names them, and leave as any other then', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const { works, source, centre, agent, link } = site
    const layerSizes = [40_000, 30_000]
    const pushed = await works.push(await works.make({ seed: 'app', layerSizes }), source, 'app:v1')
    const placed = await place(site, { seed: 'app', layerSizes, name: pushed.reference })
    expect(placed.root.digest).toBe(pushed.root.digest)
    const stays = await site.push('stays')

    await writeImageCache(centre.caches, { name: 'shop', images: [pushed.reference, stays.reference] })
    await untilPresent(centre, pushed)
    await untilHeld(agent.layout, [pushed, stays])
    const layers = (await works.make({ seed: 'app', layerSizes })).layers.map(({ digest }) => digest)
    expect(Object.keys((await link.stats()).total.blobs)).not.toContain(layers[0])
    expect(Object.keys((await link.stats()).total.blobs)).not.toContain(layers[1])

    await writeImageCache(centre.caches, { name: 'shop', images: [stays.reference] })
    await untilGone(agent.layout, pushed)
    for (const digest of layers) {
      await eventually(async () => !(await hasBlob(agent.layout, digest)), { what: `${digest} gone` })
    }
    await holds(agent.layout, [stays])
  })
}

describe('images that another program wrote into the layout', () => imagesOfOthers(placeByHand))

requirePart('skopeo')('images that skopeo put into the layout', () => imagesOfOthers(placeBySkopeo))
