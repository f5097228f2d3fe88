import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '@stowage/mirror/oci/digest'
import type { ImageReport } from '@stowage/mirror/edge/report'
import { createAgentWorld, type AgentWorld } from './testing/agent-world.ts'
import { createTestImage } from './testing/test-image.ts'

let world: AgentWorld
beforeEach(async () => {
  world = await createAgentWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const layer = (bytes = 5000): Buffer => randomBytes(bytes)
const soon = { timeout: 10_000, interval: 10 }
const noon = Date.parse('2026-11-23T12:00:00Z')
const night = Date.parse('2026-11-23T23:00:00Z')
const hourMs = 3600_000
const atNight = { windows: [{ start: '22:00', end: '06:00' }] }

const lineOf = (name: string): ImageReport | undefined =>
  world.centre.reports.at(-1)?.images.find((image) => image.name === name)

describe('an agent of a cache with a window', () => {
  it('fetches no layer before it opens, by the clock of the centre, and says when that is', async () => {
    const bytes = layer()
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage([bytes]))], transfer: atNight })
    world.centre.date = () => noon
    await using _agent = world.start()
    await expect.poll(() => lineOf('r/a:1')?.window?.opensInMs ?? 0, soon).toBeGreaterThan(9.9 * hourMs)
    expect(lineOf('r/a:1')).toMatchObject({ state: 'waiting' })
    expect(lineOf('r/a:1')?.window?.opensInMs).toBeLessThanOrEqual(10 * hourMs)
    expect(lineOf('r/a:1')?.bytesTotal).toBeGreaterThan(bytes.length)
    expect(world.served(bytes)).toBe(0)
    world.centre.date = () => night
    await world.present('r/a:1')
    expect(lineOf('r/a:1')).not.toHaveProperty('window')
  })

  it('stops at the byte when it closes, and goes on there when it opens again', async () => {
    const [bytes, other] = [layer(), layer()]
    const image = createTestImage([bytes])
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', image)], transfer: atNight })
    world.centre.date = () => night
    const closed = Promise.withResolvers<void>()
    world.source.onChunk = async (digest) => {
      if (digest !== digestOf(bytes) || world.served(bytes) !== 2000) return
      world.centre.date = () => noon
      await closed.promise
    }
    await using _agent = world.start()
    await expect.poll(() => lineOf('r/a:1'), soon).toMatchObject({ state: 'waiting', window: {} })
    closed.resolve()
    world.source.onChunk = () => {}
    // Another cache is not held up meanwhile, and what is half there stays.
    world.centre.assign(
      { cache: 'A', images: [{ name: 'r/a:1', root: image.root }], transfer: atNight },
      { cache: 'B', images: [world.image('r/b:1', createTestImage([other]))] },
    )
    await world.present('r/b:1')
    await expect.poll(() => lineOf('r/a:1')?.bytesHere, soon).toBeGreaterThanOrEqual(2000)
    expect(world.served(bytes)).toBe(2000)
    world.centre.date = () => night
    await world.present('r/a:1')
    expect(world.served(bytes)).toBe(bytes.length)
  })

  it('lets it open and close with the time that passes, also when nothing else happens', async () => {
    const image = createTestImage([layer()])
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', image)], transfer: atNight })
    world.centre.date = () => Date.parse('2026-11-23T21:59:59Z')
    await using _agent = world.start({ pace: { contactEveryMs: 100, progressEveryMs: 10, lookEveryMs: 60_000 } })
    await world.present('r/a:1')
    expect(world.centre.reports.some(({ images }) => images[0]?.window !== undefined)).toBe(true)
  })

  it('goes by its own clock where the centre tells no time, and by nothing before it was heard', async () => {
    const bytes = layer()
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage([bytes]))], transfer: atNight })
    world.centre.onReport = ({ images }) => {
      if (world.centre.reports.length < 3) expect(images.every(({ window }) => !window?.opensInMs)).toBe(true)
    }
    await using _agent = world.start({ now: () => night })
    await world.present('r/a:1')
  })

  it('fetches at once what another cache wants without one', async () => {
    const image = world.image('r/a:1', createTestImage([layer()]))
    world.centre.date = () => noon
    world.centre.assign({ cache: 'A', images: [image], transfer: atNight }, { cache: 'B', images: [image] })
    await using _agent = world.start()
    await world.present('r/a:1')
  })

  it('gives a name to what is here already', async () => {
    const image = createTestImage([layer()])
    world.centre.date = () => noon
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', image)] })
    await using _agent = world.start()
    await world.present('r/a:1')
    const tags = [world.image('r/a:1', image), world.image('r/a:2', image)]
    world.centre.assign({ cache: 'A', images: tags, transfer: atNight })
    await world.present('r/a:2')
  })
})

describe('an agent of a cache with a rate', () => {
  it('holds up no other cache by it, and fetches on where it stands when it is lifted', async () => {
    const slow = [layer(), layer(), layer()]
    const transfer = { bytesPerSecond: 1 }
    const images = [world.image('r/slow:1', createTestImage(slow))]
    const others = [world.image('r/b:1', createTestImage([layer(), layer()]))]
    world.centre.assign({ cache: 'A', images, transfer })
    await using _agent = world.start()
    await expect.poll(() => lineOf('r/slow:1'), soon).toMatchObject({ state: 'fetching' })
    world.centre.assign({ cache: 'A', images, transfer }, { cache: 'B', images: others })
    await world.present('r/b:1')
    expect(lineOf('r/slow:1')).toMatchObject({ state: 'fetching' })
    expect(slow.some((bytes) => world.served(bytes) === bytes.length)).toBe(false)
    world.centre.assign({ cache: 'A', images }, { cache: 'B', images: others })
    await world.present('r/slow:1')
    for (const bytes of slow) expect(world.served(bytes)).toBe(bytes.length)
  })
})
