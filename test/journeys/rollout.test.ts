import { rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { startAgent } from '../harness/agent.ts'
import { eventually } from '../harness/eventually.ts'
import { openJourney } from '../harness/journey.ts'
import { holds, untilHeld } from '../harness/node-files.ts'
import { openSite, type Site } from '../harness/site.ts'
import { askCentre } from '../harness/stowage-get.ts'

/** Writes the cache `shop`, whole at once. */
async function writeShop({ centre }: Site, spec: object): Promise<void> {
  const file = path.join(centre.caches, 'shop.yaml')
  const metadata = { name: 'shop', namespace: 'default' }
  // JSON is YAML too.
  await writeFile(
    `${file}.new`,
    JSON.stringify({ apiVersion: 'kubefledged.io/v1alpha2', kind: 'ImageCache', metadata, spec }),
  )
  await rename(`${file}.new`, file)
}

/** Resolves once the centre says this of the cache. */
async function untilSaid({ centre }: Site, words: string): Promise<void> {
  const isSaid = async (): Promise<boolean> => JSON.stringify(await askCentre('caches', centre.url)).includes(words)
  await eventually(isSaid, { what: `"${words}" said of the cache`, withinMs: 60_000 })
}

describe('a cache with a parallelism', () => {
  it('stands still at 0, and then comes to one node after the other', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const { centre, link } = site
    await using second = await startAgent({ directory: journey.at('second'), node: 'node-2', central: link.url })
    await using third = await startAgent({ directory: journey.at('third'), node: 'node-3', central: link.url })
    const layouts = [site.agent.layout, second.layout, third.layout]
    const app = await site.push('app', { layerSizes: [400_000] })
    await link.shape({ downBytesPerSecond: 400_000 })

    await writeShop(site, { cacheSpec: [{ images: [app.reference] }], parallelism: 0 })
    await untilSaid(site, '3 nodes wait: nothing new is told to nodes: spec.parallelism is 0')
    const received = async (): Promise<number> => (await link.stats()).total.blobBytes
    expect(await received()).toBe(0)

    await writeShop(site, { cacheSpec: [{ images: [app.reference] }], parallelism: '1%' })
    const atATime: number[] = []
    await eventually(
      async () => {
        const images = await askCentre('images', centre.url)
        atATime.push(images.filter(({ state }) => !['held', 'present'].includes(state)).length)
        return images.length === 3 && images.every(({ state }) => state === 'present')
      },
      { what: 'all nodes complete', withinMs: 60_000, everyMs: 50 },
    )
    expect(Math.max(...atATime)).toBe(1)
    for (const layout of layouts) await holds(layout, [app])
    await untilSaid(site, '"status":"Succeeded"')
  })
})

describe('a cache that is suspended', () => {
  it('changes nothing on its nodes until that is over', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const [app, tool] = [await site.push('app'), await site.push('tool')]
    await writeShop(site, { cacheSpec: [{ images: [app.reference] }] })
    await untilHeld(site.agent.layout, [app])
    await writeShop(site, { cacheSpec: [{ images: [tool.reference] }], suspend: true })
    await untilSaid(site, 'spec.suspend is set')
    const [image] = await askCentre('images', site.centre.url)
    expect(image).toMatchObject({ name: tool.reference, state: 'mirror', digest: null })
    await holds(site.agent.layout, [app])
    await site.centre.kill()
    await site.centre.start()
    await untilSaid(site, 'spec.suspend is set')
    await holds(site.agent.layout, [app])
    await writeShop(site, { cacheSpec: [{ images: [tool.reference] }], suspend: false })
    await untilHeld(site.agent.layout, [tool])
  })
})

describe('a list with a priority', () => {
  it('comes first, though others are smaller', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const { link } = site
    const small = await Promise.all(['a', 'b', 'c'].map((name) => site.push(name, { layerSizes: [200_000] })))
    const large = await site.push('large', { layerSizes: [600_000] })
    const lists = [{ images: small.map(({ reference }) => reference) }, { images: [large.reference], priority: 5 }]
    // All is in the mirror before the node hears of any of it.
    await writeShop(site, { cacheSpec: lists, parallelism: 0 })
    await untilSaid(site, '"reason":"Mirrored"')
    await link.shape({ downBytesPerSecond: 400_000 })
    await writeShop(site, { cacheSpec: lists })
    const [, first] = await site.agent.program().waitForLine(/"reference":"([^"]+)".*"image present"/)
    expect(first).toBe(large.reference)
    await untilHeld(site.agent.layout, [...small, large])
  })
})
