import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '@stowage/mirror/oci/digest'
import type { Runtime } from './runtime/runtime.ts'
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

describe('taking images away', () => {
  const two = () => {
    const layerOfB = layer()
    return {
      a: world.image('r/a:1', createTestImage([layer()])),
      b: world.image('r/b:1', createTestImage([layerOfB])),
      layerOfB: digestOf(layerOfB),
    }
  }

  it('waits until everything wanted is there, and is announced', async () => {
    const { a, b, layerOfB } = two()
    world.centre.assign({ cache: 'A', images: [a] })
    await using _agent = world.start()
    await world.present('r/a:1')
    const gate = Promise.withResolvers<void>()
    world.source.onChunk = (digest) => (digest === layerOfB ? gate.promise : undefined)
    world.centre.assign({ cache: 'A', images: [b] })
    await expect.poll(() => world.centre.stateOf('r/b:1'), soon).toBe('fetching')
    expect(world.centre.stateOf('r/a:1')).toBe('removing')
    expect(await world.soundNames()).toEqual(['r/a:1'])
    gate.resolve()
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/b:1'])
    await expect.poll(() => world.centre.stateOf('r/a:1'), soon).toBeUndefined()
    await expect.poll(async () => (await world.blobNames()).length, soon).toBe(4)
  })

  it('waits for what has no digest yet, which may share layers with what goes', async () => {
    const shared = layer()
    const [v1, v2] = [createTestImage([shared, layer()]), createTestImage([shared, layer()])]
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', v1)] })
    await using _agent = world.start()
    await world.present('r/a:1')
    world.centre.assign({ cache: 'A', images: [], unresolved: ['r/a:2'] })
    await expect.poll(() => world.centre.stateOf('r/a:1'), soon).toBe('removing')
    world.centre.assign({ cache: 'A', images: [world.image('r/a:2', v2)] })
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/a:2'])
    expect(world.source.served.get(digestOf(shared))).toBe(shared.length)
  })

  it.each([
    ['keeps', 'keep' as const, ['r/a:1', 'r/b:1']],
    ['removes', 'remove' as const, ['r/b:1']],
  ])('a whole cache %s its images, as it said before it went', async (_, removal, left) => {
    const { a, b } = two()
    const other = { cache: 'B', images: [b] }
    world.centre.assign({ cache: 'A', images: [a], removal }, other)
    await using _agent = world.start()
    await world.present('r/a:1')
    await world.present('r/b:1')
    world.centre.assign(other)
    await expect.poll(() => world.ownedNames(), soon).toEqual(['r/b:1'])
    expect(await world.soundNames()).toEqual(left)
  })

  it.each([
    ['goes', 'remove' as const, []],
    ['stays as it is', 'keep' as const, ['r/a:1']],
  ])('an image that gets its name when nobody wants it any more %s', async (_, removal, left) => {
    const { a, b } = two()
    const begun = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const done = Promise.withResolvers<void>()
    let looks = 0
    const runtime: Runtime = {
      ...world.runtime,
      list: () => (looks++, world.runtime.list()),
      async publish(name, graph) {
        if (name === 'r/a:1') {
          begun.resolve()
          await gate.promise
        }
        await world.runtime.publish(name, graph)
        if (name === 'r/a:1') done.resolve()
      },
      // All that publishing needs is held until it is done.
      collect: async () => {},
    }
    world.centre.assign({ cache: 'A', images: [a], removal })
    await using _agent = world.start({ runtime })
    await begun.promise
    world.centre.assign({ cache: 'B', images: [b] })
    await expect.poll(() => world.centre.reports.at(-1)?.acknowledged?.sequence, soon).toBe(2)
    const looksBefore = looks
    await expect.poll(() => looks, soon).toBeGreaterThan(looksBefore + 2)
    gate.resolve()
    await done.promise
    const names = [...left, 'r/b:1']
    await expect
      .poll(async () => [await world.soundNames(), await world.ownedNames()], soon)
      .toEqual([names, ['r/b:1']])
  })

  it('happens on a node that is not selected any more', async () => {
    const { a } = two()
    world.centre.assign({ cache: 'A', images: [a] })
    await using _agent = world.start()
    await world.present('r/a:1')
    world.centre.assign({ cache: 'A', images: null })
    await expect.poll(() => world.soundNames(), soon).toEqual([])
  })

  it('never happens to what no set ever named, nor to what is unresolved', async () => {
    const { a, b } = two()
    world.centre.assign({ cache: 'A', images: [a, b] })
    {
      await using _agent = world.start()
      await world.present('r/a:1')
      await world.present('r/b:1')
    }
    world.centre.assign({ cache: 'B', images: [], unresolved: ['r/b:1'] }, { cache: 'A', images: [] })
    await using _agent = world.start()
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/b:1'])
  })

  it('does not wait for what another cache wants and has no digest yet', async () => {
    const { a } = two()
    world.centre.assign({ cache: 'A', images: [a] })
    await using _agent = world.start()
    await world.present('r/a:1')
    world.centre.assign({ cache: 'A', images: [] }, { cache: 'B', images: [], unresolved: ['r/mistyped:1'] })
    await expect.poll(() => world.soundNames(), soon).toEqual([])
  })

  it('waits, without a link, until the centre has given the node up', async () => {
    const { a, b } = two()
    let promisedUntil = Infinity
    world.centre.onReport = (report) => {
      if (report.acknowledged?.sequence === 2) throw linkAway()
      promisedUntil = performance.now() + report.nextContactInMs
    }
    world.centre.assign({ cache: 'A', images: [a, b] })
    await using _agent = world.start()
    await world.present('r/a:1')
    await world.present('r/b:1')
    world.centre.assign({ cache: 'A', images: [b] })
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/b:1'])
    expect(performance.now()).toBeGreaterThan(promisedUntil)
  })
})
