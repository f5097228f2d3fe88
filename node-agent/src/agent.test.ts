import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '@stowage/mirror/oci/digest'
import { createAgentWorld, type AgentWorld } from './testing/agent-world.ts'
import { linkAway } from './testing/memory-centre.ts'
import { createTestImage } from './testing/test-image.ts'

let world: AgentWorld
beforeEach(async () => {
  world = await createAgentWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const layer = (bytes = 3000): Buffer => randomBytes(bytes)
const soon = { timeout: 10_000, interval: 10 }

describe('an agent', () => {
  it('brings what its assignment wants, and says so', async () => {
    const image = world.image('r/a:1', createTestImage([layer(), layer()]))
    world.centre.assign({ cache: 'A', images: [image] })
    await using _agent = world.start()
    await world.present('r/a:1')
    expect(await world.soundNames()).toEqual(['r/a:1'])
    expect(world.centre.reports.at(-1)).toMatchObject({
      node: 'edge-1',
      labels: { tier: 'edge', 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
      acknowledged: { epoch: 'one', sequence: 1 },
    })
    expect(await world.partNames()).toEqual([])
  })

  it('speaks before there is any assignment', async () => {
    await using _agent = world.start()
    await expect.poll(() => world.centre.reports.at(-1), soon).toMatchObject({ acknowledged: null, images: [] })
  })

  it('fetches only what is new in a new version', async () => {
    const [shared, old, young] = [layer(), layer(), layer()]
    const v1 = createTestImage([shared, old])
    const v2 = createTestImage([shared, young])
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', v1)] })
    await using _agent = world.start()
    await world.present('r/a:1')
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', v2)] })
    await expect.poll(() => world.runtime.list(), soon).toMatchObject([{ digest: v2.root.digest }])
    expect(world.source.served.get(digestOf(shared))).toBe(shared.length)
    await expect.poll(() => world.blobNames(), soon).not.toContain(digestOf(old).slice(7))
    expect(await world.soundNames()).toEqual(['r/a:1'])
  })

  it('fetches a blob that two images share once, though they are fetched at the same time', async () => {
    const shared = layer(20_000)
    const images = ['r/a:1', 'r/b:1'].map((name) => world.image(name, createTestImage([shared, layer()])))
    world.centre.assign({ cache: 'A', images })
    await using _agent = world.start()
    await world.present('r/a:1')
    await world.present('r/b:1')
    expect(world.source.served.get(digestOf(shared))).toBe(shared.length)
  })

  it('gives two names to one image', async () => {
    const image = createTestImage([layer()])
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', image), world.image('r/a:latest', image)] })
    await using _agent = world.start()
    await world.present('r/a:1')
    await world.present('r/a:latest')
    expect(await world.soundNames()).toEqual(['r/a:1', 'r/a:latest'])
  })

  it('brings an image of many layers without a warning', async () => {
    const warnings: string[] = []
    const onWarning = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', onWarning)
    const layers = Array.from({ length: 60 }, () => layer(50))
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage(layers))] })
    await using _agent = world.start()
    await world.present('r/a:1')
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })

  it('comes through cuts, silence and corruption', async () => {
    const bytes = layer(20_000)
    world.source.weather.set(digestOf(bytes), [
      { at: 3000, what: 'cut' },
      { at: 7000, what: 'silence' },
      { at: 9000, what: 'cut' },
      { at: 15_000, what: 'corruption' },
    ])
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage([bytes]))] })
    await using _agent = world.start({ limits: { concurrency: 2, stallMs: 100, reserveBytes: 0 } })
    await world.present('r/a:1')
    expect(await world.soundNames()).toEqual(['r/a:1'])
    expect(world.source.served.get(digestOf(bytes))).toBe(2 * bytes.length)
  })

  it('goes on where it was stopped, however often', async () => {
    const bytes = layer(30_000)
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage([bytes]))] })
    for (let stops = 1; stops <= 8; stops++) {
      const agent = world.start()
      await expect.poll(() => world.served(bytes), soon).toBeGreaterThanOrEqual(stops * 3000)
      await agent.stop()
    }
    await using _agent = world.start()
    await world.present('r/a:1')
    expect(world.served(bytes)).toBe(bytes.length)
    expect(world.centre.reports.at(-1)?.bytesReceived).toBeGreaterThanOrEqual(bytes.length)
  })

  it('never reports more than the disk holds', async () => {
    const lies: string[] = []
    world.centre.onReport = async (report) => void lies.push(...(await world.liesIn(report)))
    // A thin link: time for a report after each chunk.
    world.source.onChunk = () => setTimeout(10)
    const shared = layer(10_000)
    const images = ['r/a:1', 'r/b:1'].map((name) => world.image(name, createTestImage([shared, layer(10_000)])))
    world.source.weather.set(
      digestOf(shared),
      [4000, 6000, 8000].map((at) => ({ at, what: 'cut' as const })),
    )
    world.centre.assign({ cache: 'A', images })
    await using _agent = world.start()
    await world.present('r/a:1')
    await world.present('r/b:1')
    world.centre.assign({ cache: 'A', images: images.slice(1) })
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/b:1'])
    expect(lies).toEqual([])
    expect(world.centre.reports.length).toBeGreaterThan(5)
  })

  it('obeys its last assignment with the centre away', async () => {
    const bytes = layer(20_000)
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage([bytes]))] })
    {
      await using _agent = world.start()
      await expect.poll(() => world.served(bytes), soon).toBeGreaterThan(5000)
    }
    world.centre.away = linkAway()
    await using _agent = world.start()
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/a:1'])
    expect(world.served(bytes)).toBe(bytes.length)
  })

  it('drops in mid-transfer only what is no longer wanted', async () => {
    const [shared, only] = [layer(20_000), layer(20_000)]
    const a = world.image('r/a:1', createTestImage([only]))
    const b = world.image('r/b:1', createTestImage([shared]))
    const c = world.image('r/c:1', createTestImage([shared, layer()]))
    const gate = Promise.withResolvers<void>()
    world.source.onChunk = (digest) => ((world.source.served.get(digest) ?? 0) >= 5000 ? gate.promise : undefined)
    world.centre.assign({ cache: 'A', images: [a, b] })
    await using _agent = world.start()
    await expect.poll(() => Math.min(world.served(shared), world.served(only)), soon).toBeGreaterThanOrEqual(5000)
    world.centre.assign({ cache: 'A', images: [c] })
    await expect.poll(() => world.centre.stateOf('r/c:1'), soon).toBe('fetching')
    gate.resolve()
    await world.present('r/c:1')
    expect(world.served(shared)).toBe(shared.length)
    expect(world.served(only)).toBeLessThan(only.length)
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/c:1'])
    await expect.poll(() => world.partNames(), soon).toEqual([])
  })

  it('tries again at once when the link is back', async () => {
    let isUp = false
    world.source.onChunk = () => {
      if (!isUp) throw linkAway()
    }
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage([layer()]))] })
    // By a clock that stands still no pause ever ends.
    await using _agent = world.start({ now: () => 0 })
    await expect.poll(() => world.centre.reports.at(-1)?.images[0]?.fault?.code, soon).toBe('unavailable')
    world.centre.away = linkAway()
    const { length } = world.centre.reports
    await expect.poll(() => world.centre.refused, soon).toBeGreaterThan(0)
    isUp = true
    world.centre.away = undefined
    await world.present('r/a:1')
    expect(world.centre.reports.length).toBeGreaterThan(length)
  })
})
