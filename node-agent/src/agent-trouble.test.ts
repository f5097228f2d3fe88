import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Fault } from '@stowage/mirror/oci/fault'
import type { Runtime } from './runtime/runtime.ts'
import { createAgentWorld, type AgentWorld } from './testing/agent-world.ts'
import { createTestImage } from './testing/test-image.ts'

let world: AgentWorld
beforeEach(async () => {
  world = await createAgentWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const layer = (bytes = 3000): Buffer => randomBytes(bytes)
const soon = { timeout: 10_000, interval: 10 }

describe('an agent in trouble', () => {
  it('adopts what is there, without fetching it', async () => {
    const image = createTestImage([layer()])
    const wanted = world.image('r/a:1', image)
    {
      world.centre.assign({ cache: 'A', images: [wanted] })
      await using _agent = world.start()
      await world.present('r/a:1')
    }
    await world.runtime.forget('r/a:1')
    const before = new Map(world.source.served)
    await using _agent = world.start()
    await expect.poll(() => world.ownedNames(), soon).toEqual(['r/a:1'])
    expect(world.source.served).toEqual(before)
  })

  it('says that nothing in an image is for its platform, and sees to the others', async () => {
    const wrong = world.image('r/wrong:1', createTestImage([layer()], { os: 'linux', architecture: 's390x' }))
    const right = world.image('r/a:1', createTestImage([layer()]))
    const old = world.image('r/old:1', createTestImage([layer()]))
    world.centre.assign({ cache: 'A', images: [old] })
    await using _agent = world.start()
    await world.present('r/old:1')
    world.centre.assign({ cache: 'A', images: [wrong, right] })
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/a:1'])
    expect(world.centre.reports.at(-1)?.images.find(({ name }) => name === 'r/wrong:1')?.fault).toMatchObject({
      code: 'invalid',
      message: 'no manifest for linux/amd64; there are linux/s390x, plan9/mips',
    })
  })

  it('says what the runtime refuses, and sees to the others', async () => {
    const refused = world.image('r/refused:1', createTestImage([layer()]))
    const right = world.image('r/a:1', createTestImage([layer()]))
    const runtime: Runtime = {
      ...world.runtime,
      begin(graph) {
        if (graph.root.digest === refused.root.digest) throw new Fault('invalid', 'it is no container image')
        return world.runtime.begin(graph)
      },
    }
    world.centre.assign({ cache: 'A', images: [refused, right] })
    await using _agent = world.start({ runtime })
    await world.present('r/a:1')
    await expect
      .poll(() => world.centre.reports.at(-1)?.images.find(({ name }) => name === 'r/refused:1')?.fault, soon)
      .toMatchObject({ code: 'invalid', message: 'it is no container image' })
    expect(world.centre.reports.at(-1)?.trouble).toBeUndefined()
  })

  it('holds back what does not fit, says how much is short, and makes room of what nobody wants', async () => {
    const old = world.image('r/old:1', createTestImage([layer()]))
    const big = world.image('r/big:1', createTestImage([layer(50_000)]))
    let free = 60_000
    const runtime = { ...world.runtime, freeBytes: async () => free }
    world.centre.assign({ cache: 'A', images: [old] })
    await using _agent = world.start({ runtime })
    await world.present('r/old:1')
    free = 10_000
    world.centre.assign({ cache: 'A', images: [big] })
    await expect.poll(() => world.soundNames(), soon).toEqual([])
    await expect
      .poll(() => world.centre.reports.at(-1)?.images[0]?.fault, soon)
      .toMatchObject({ code: 'no-space', message: expect.stringMatching(/\d+ bytes more must become free/) })
    expect(world.centre.stateOf('r/big:1')).toBe('waiting')
  })

  it('goes on as soon as it sees room on a disk that was full, however long it meant to wait', async () => {
    const bytes = layer(20_000)
    let free = 1e9
    const runtime = { ...world.runtime, freeBytes: async () => free }
    world.source.onChunk = () => {
      if (free > 0 && world.served(bytes) < 5000) return
      free = 0
      throw new Fault('no-space', 'no space left')
    }
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage([bytes]))] })
    await using _agent = world.start({ runtime, now: Date.now })
    await expect.poll(() => world.centre.reports.at(-1)?.images[0]?.fault?.code, soon).toBe('no-space')
    world.source.onChunk = () => {}
    free = 1e9
    await world.present('r/a:1')
    expect(world.served(bytes)).toBe(bytes.length)
  })

  it('goes on after a restart when there is room on a full disk again', async () => {
    const bytes = layer(20_000)
    let isFull = true
    world.source.onChunk = () => {
      if (isFull && world.served(bytes) >= 5000) throw new Fault('no-space', 'no space left')
    }
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage([bytes]))] })
    {
      await using _agent = world.start()
      await expect.poll(() => world.centre.reports.at(-1)?.images[0]?.fault?.code, soon).toBe('no-space')
    }
    isFull = false
    await using _agent = world.start({ now: Date.now })
    await world.present('r/a:1')
    expect(world.served(bytes)).toBe(bytes.length)
  })

  it('refuses a second agent on the same data', async () => {
    await using _agent = world.start()
    await expect.poll(() => world.centre.reports.length, soon).toBeGreaterThan(0)
    await expect(world.start().done).rejects.toMatchObject({ code: 'conflict' })
  })

  it('refuses a node name that is none', () => {
    expect(() => world.start({ node: 'Edge One' })).toThrow('"Edge One" is not a node name')
  })

  it('does not obey an assignment for another node, nor an older one', async () => {
    const a = world.image('r/a:1', createTestImage([layer()]))
    const first = world.centre.assign({ cache: 'A', images: [] })
    const second = world.centre.assign({ cache: 'A', images: [a] })
    await using _agent = world.start()
    await world.present('r/a:1')
    world.centre.send(first)
    world.centre.send({ ...second, node: 'edge-2', sequence: 9 })
    await expect
      .poll(() => world.centre.reports.at(-1)?.trouble, soon)
      .toBe('an assignment for node edge-2 came to node edge-1')
    expect(await world.soundNames()).toEqual(['r/a:1'])
  })

  it('says what is wrong with a layout that it cannot read, and goes on when it is right again', async () => {
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage([layer()]))] })
    let broken = true
    const runtime = {
      ...world.runtime,
      list: () => (broken ? Promise.reject(new Fault('invalid', 'index.json is not JSON')) : world.runtime.list()),
    }
    await using _agent = world.start({ runtime })
    await expect.poll(() => world.centre.reports.at(-1)?.trouble, soon).toBe('index.json is not JSON')
    broken = false
    await world.present('r/a:1')
    expect(world.centre.reports.at(-1)).not.toHaveProperty('trouble')
  })

  it('ends with the error where it met a bug of its own', async () => {
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage([layer()]))] })
    const runtime = { ...world.runtime, publish: () => Promise.reject(new TypeError('x is not a function')) }
    await expect(world.start({ runtime }).done).rejects.toThrow('x is not a function')
  })

  it('brings again what somebody took out of the layout', async () => {
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage([layer()]))] })
    await using _agent = world.start()
    await world.present('r/a:1')
    await world.runtime.remove('r/a:1')
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/a:1'])
  })
})
