import { describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { untilHeld } from '../harness/node-files.ts'
import { openSite, type Site } from '../harness/site.ts'
import type { PushedImage } from '../harness/source-registry.ts'
import { askCentre, stowageGet } from '../harness/stowage-get.ts'
import { runStowage } from '../harness/stowage.ts'

/** Lets the one cache name this image, and say this of its transfer. */
async function want({ centre }: Site, { reference }: PushedImage, transfer: object): Promise<void> {
  await writeImageCache(centre.caches, { name: 'shop', images: [reference], spec: { transfer } })
}

/** A window of every day, an hour long, that lies so many hours from now. */
function windowIn(hours: number): { start: string; end: string } {
  const timeIn = (more: number): string => new Date(Date.now() + more * 3600_000).toISOString().slice(11, 16)
  return { start: timeIn(hours), end: timeIn(hours + 1) }
}

const open = { windows: [windowIn(-0.5)] }
const closed = { windows: [windowIn(5)] }
const reportKey = 'PUT /edge/v1/nodes/node-1/report'
const blobBytes = async ({ link }: Site): Promise<number> => (await link.stats()).total.blobBytes

/** What the condition `Synced` of the one cache says. */
async function syncedOf({ centre }: Site): Promise<string> {
  const [cache] = await askCentre('caches', centre.url)
  return cache?.conditions.find(({ type }) => type === 'Synced')?.message ?? ''
}

describe('a cache with windows', () => {
  it('brings nothing before one opens, stops at the byte when it closes, and goes on there', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const { centre, agent, link } = site
    const app = await site.push('app', { layerSizes: [3_000_000, 200_000] })
    await link.shape({ downBytesPerSecond: 200_000 })

    await want(site, app, closed)
    const at = `${closed.windows[0]!.start}Z)`
    await eventually(async () => (await syncedOf(site)).includes('1 node waits for its window (next at '), {
      what: 'the window said to be waited for',
      withinMs: 30_000,
    })
    expect(await syncedOf(site)).toContain(at)
    const [image] = await stowageGet('images', centre.url)
    expect(image).toMatchObject({ state: 'waiting' })
    expect(image?.message).toContain(`waits for its window, which opens at `)
    const [cache] = await askCentre('caches', centre.url)
    expect(cache).toMatchObject({ status: 'Processing', counts: { copies: { waiting: 0, awaitingWindow: 1 } } })
    expect((await runStowage(['get', 'caches', '--central', centre.url])).stdout).toContain(
      'waits for its window (next',
    )
    expect(await blobBytes(site)).toBeLessThan(10_000)

    await want(site, app, open)
    await eventually(async () => (await blobBytes(site)) > 300_000, { what: 'bytes on the link', everyMs: 50 })
    await want(site, app, closed)
    await eventually(async () => (await syncedOf(site)).includes('waits for its window'), {
      what: 'the window said to be closed',
      withinMs: 30_000,
    })
    const then = await blobBytes(site)
    expect(then).toBeLessThan(3_000_000)
    // Nothing of it is forgotten, and nothing more comes, when the agent dies meanwhile.
    await agent.kill()
    const reports = async (): Promise<number> => (await link.stats()).total.bodies[reportKey]?.responses ?? 0
    const before = await reports()
    await agent.start()
    await eventually(async () => (await reports()) > before + 1, {
      what: 'reports of the next agent',
      withinMs: 30_000,
    })
    expect(await blobBytes(site)).toBe(then)

    await link.shape({ downBytesPerSecond: 2_000_000 })
    await want(site, app, open)
    await untilHeld(agent.layout, [app])
    // What was on the wire when it closed comes twice: no more than the buffers of the connections.
    expect(await blobBytes(site)).toBeLessThan(3_200_000 + 10_000 + 600_000)
  })
})

describe('a cache with a rate', () => {
  it('is held to it on a link that could do more, and goes on faster when that changes', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const { agent } = site
    const app = await site.push('app', { layerSizes: [2_500_000, 2_500_000, 2_500_000] })
    await want(site, app, { rate: '200k' })
    await eventually(async () => (await blobBytes(site)) > 100_000, { what: 'bytes on the link', everyMs: 20 })
    const [startedAt, before] = [performance.now(), await blobBytes(site)]
    await eventually(async () => (await blobBytes(site)) > before + 700_000, { what: 'more bytes', withinMs: 60_000 })
    const bytes = (await blobBytes(site)) - before
    const seconds = (performance.now() - startedAt) / 1000
    // What is asked for at once is worth a second.
    expect(bytes).toBeLessThan(200_000 * (1.1 * seconds + 1.5))

    const changed = await blobBytes(site)
    await want(site, app, { rate: '20M' })
    await untilHeld(agent.layout, [app])
    expect(await blobBytes(site)).toBeLessThan(7_500_000 + 20_000)
    expect(changed).toBeLessThan(7_000_000)
  })
})
