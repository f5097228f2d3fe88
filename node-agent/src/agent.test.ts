import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Fault } from '@stowage/mirror/oci/fault'
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
/** For tests that hold bytes back themselves. */
const patient = { concurrency: 2, stallMs: 60_000, reserveBytes: 0 }
const soon = { timeout: 10_000, interval: 10 }
async function present(name: string): Promise<void> {
  await expect.poll(() => world.centre.stateOf(name), soon).toBe('present')
}

describe('an agent', () => {
  it('brings what its assignment wants, and says so', async () => {
    const image = world.image('r/a:1', createTestImage([layer(), layer()]))
    world.centre.assign({ cache: 'A', images: [image] })
    await using _agent = world.start()
    await present('r/a:1')
    expect(await world.soundNames()).toEqual(['r/a:1'])
    expect(world.centre.reports.at(-1)).toMatchObject({
      node: 'edge-1',
      labels: { tier: 'edge', 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
      acknowledged: { epoch: 'one', sequence: 1 },
    })
    expect(await readdir(join(world.directory, 'data/parts'))).toEqual([])
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
    await present('r/a:1')
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', v2)] })
    await expect.poll(() => world.runtime.list(), soon).toMatchObject([{ digest: v2.root.digest }])
    expect(world.source.served.get(digestOf(shared))).toBe(shared.length)
    await expect.poll(() => blobNames(), soon).not.toContain(digestOf(old).slice(7))
    expect(await world.soundNames()).toEqual(['r/a:1'])
  })

  it('fetches a blob that two images share once, though they are fetched at the same time', async () => {
    const shared = layer(20_000)
    const images = ['r/a:1', 'r/b:1'].map((name) => world.image(name, createTestImage([shared, layer()])))
    world.centre.assign({ cache: 'A', images })
    await using _agent = world.start()
    await present('r/a:1')
    await present('r/b:1')
    expect(world.source.served.get(digestOf(shared))).toBe(shared.length)
  })

  it('gives two names to one image', async () => {
    const image = createTestImage([layer()])
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', image), world.image('r/a:latest', image)] })
    await using _agent = world.start()
    await present('r/a:1')
    await present('r/a:latest')
    expect(await world.soundNames()).toEqual(['r/a:1', 'r/a:latest'])
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
    await using _agent = world.start()
    await present('r/a:1')
    expect(await world.soundNames()).toEqual(['r/a:1'])
    expect(world.source.served.get(digestOf(bytes))).toBe(2 * bytes.length)
  })

  it('goes on where it was stopped, however often', async () => {
    const bytes = layer(30_000)
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage([bytes]))] })
    for (let stops = 1; stops <= 8; stops++) {
      const agent = world.start()
      await expect.poll(() => served(bytes), soon).toBeGreaterThanOrEqual(stops * 3000)
      await agent.stop()
    }
    await using _agent = world.start()
    await present('r/a:1')
    expect(served(bytes)).toBe(bytes.length)
    expect(world.centre.reports.at(-1)?.bytesReceived).toBeGreaterThanOrEqual(bytes.length)
  })

  it('never reports more than the disk holds', async () => {
    const lies: string[] = []
    world.centre.onReport = async (report) => void lies.push(...(await world.liesIn(report)))
    const shared = layer(10_000)
    const images = ['r/a:1', 'r/b:1'].map((name) => world.image(name, createTestImage([shared, layer(10_000)])))
    world.source.weather.set(
      digestOf(shared),
      [4000, 6000, 8000].map((at) => ({ at, what: 'cut' as const })),
    )
    world.centre.assign({ cache: 'A', images })
    await using _agent = world.start()
    await present('r/a:1')
    await present('r/b:1')
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
      await expect.poll(() => served(bytes), soon).toBeGreaterThan(5000)
    }
    world.centre.away = linkAway()
    await using _agent = world.start()
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/a:1'])
    expect(served(bytes)).toBe(bytes.length)
  })

  it('drops in mid-transfer only what is no longer wanted', async () => {
    const [shared, only] = [layer(20_000), layer(20_000)]
    const a = world.image('r/a:1', createTestImage([only]))
    const b = world.image('r/b:1', createTestImage([shared]))
    const c = world.image('r/c:1', createTestImage([shared, layer()]))
    const gate = Promise.withResolvers<void>()
    world.source.onChunk = (digest) => ((world.source.served.get(digest) ?? 0) >= 5000 ? gate.promise : undefined)
    world.centre.assign({ cache: 'A', images: [a, b] })
    await using _agent = world.start({ limits: patient })
    await expect.poll(() => Math.min(served(shared), served(only)), soon).toBeGreaterThanOrEqual(5000)
    world.centre.assign({ cache: 'A', images: [c] })
    await expect.poll(() => world.centre.stateOf('r/c:1'), soon).toBe('fetching')
    gate.resolve()
    await present('r/c:1')
    expect(served(shared)).toBe(shared.length)
    expect(served(only)).toBeLessThan(only.length)
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/c:1'])
    await expect.poll(() => readdir(join(world.directory, 'data/parts')), soon).toEqual([])
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
    await present('r/a:1')
    expect(world.centre.reports.length).toBeGreaterThan(length)
  })
})

describe('taking images away', () => {
  const two = () => ({
    a: world.image('r/a:1', createTestImage([layer()])),
    b: world.image('r/b:1', createTestImage([layer()])),
  })

  it('waits until everything wanted is there, and is announced', async () => {
    const { a, b } = two()
    world.centre.assign({ cache: 'A', images: [a] })
    await using _agent = world.start({ limits: patient })
    await present('r/a:1')
    const gate = Promise.withResolvers<void>()
    world.source.onChunk = () => gate.promise
    world.centre.assign({ cache: 'A', images: [b] })
    await expect.poll(() => world.centre.stateOf('r/b:1'), soon).toBe('fetching')
    expect(world.centre.stateOf('r/a:1')).toBe('removing')
    expect(await world.soundNames()).toEqual(['r/a:1'])
    gate.resolve()
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/b:1'])
    await expect.poll(() => world.centre.stateOf('r/a:1'), soon).toBeUndefined()
    await expect.poll(async () => (await blobNames()).length, soon).toBe(4)
  })

  it('waits for what has no digest yet, which may share layers with what goes', async () => {
    const shared = layer()
    const [v1, v2] = [createTestImage([shared, layer()]), createTestImage([shared, layer()])]
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', v1)] })
    await using _agent = world.start()
    await present('r/a:1')
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
    await present('r/a:1')
    await present('r/b:1')
    world.centre.assign(other)
    await expect.poll(() => ownedNames(), soon).toEqual(['r/b:1'])
    expect(await world.soundNames()).toEqual(left)
  })

  it('happens on a node that is not selected any more', async () => {
    const { a } = two()
    world.centre.assign({ cache: 'A', images: [a] })
    await using _agent = world.start()
    await present('r/a:1')
    world.centre.assign({ cache: 'A', images: null })
    await expect.poll(() => world.soundNames(), soon).toEqual([])
  })

  it('never happens to what no set ever named, nor to what is unresolved', async () => {
    const { a, b } = two()
    world.centre.assign({ cache: 'A', images: [a, b] })
    {
      await using _agent = world.start()
      await present('r/a:1')
      await present('r/b:1')
    }
    world.centre.assign({ cache: 'B', images: [], unresolved: ['r/b:1'] }, { cache: 'A', images: [] })
    await using _agent = world.start()
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/b:1'])
  })

  it('does not wait for what another cache wants and has no digest yet', async () => {
    const { a } = two()
    world.centre.assign({ cache: 'A', images: [a] })
    await using _agent = world.start()
    await present('r/a:1')
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
    await present('r/a:1')
    await present('r/b:1')
    world.centre.assign({ cache: 'A', images: [b] })
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/b:1'])
    expect(performance.now()).toBeGreaterThan(promisedUntil)
  })
})

describe('an agent in trouble', () => {
  it('adopts what is there, without fetching it', async () => {
    const image = createTestImage([layer()])
    const wanted = world.image('r/a:1', image)
    {
      world.centre.assign({ cache: 'A', images: [wanted] })
      await using _agent = world.start()
      await present('r/a:1')
    }
    await world.runtime.forget('r/a:1')
    const before = new Map(world.source.served)
    await using _agent = world.start()
    await expect.poll(() => ownedNames(), soon).toEqual(['r/a:1'])
    expect(world.source.served).toEqual(before)
  })

  it('says that nothing in an image is for its platform, and sees to the others', async () => {
    const wrong = world.image('r/wrong:1', createTestImage([layer()], { os: 'linux', architecture: 's390x' }))
    const right = world.image('r/a:1', createTestImage([layer()]))
    const old = world.image('r/old:1', createTestImage([layer()]))
    world.centre.assign({ cache: 'A', images: [old] })
    await using _agent = world.start()
    await present('r/old:1')
    world.centre.assign({ cache: 'A', images: [wrong, right] })
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/a:1'])
    expect(world.centre.reports.at(-1)?.images.find(({ name }) => name === 'r/wrong:1')?.fault).toMatchObject({
      code: 'invalid',
      message: 'no manifest for linux/amd64; there are linux/s390x, plan9/mips',
    })
  })

  it('holds back what does not fit, says how much is short, and makes room of what nobody wants', async () => {
    const old = world.image('r/old:1', createTestImage([layer()]))
    const big = world.image('r/big:1', createTestImage([layer(50_000)]))
    let free = 60_000
    const runtime = { ...world.runtime, freeBytes: async () => free }
    world.centre.assign({ cache: 'A', images: [old] })
    await using _agent = world.start({ runtime })
    await present('r/old:1')
    free = 10_000
    world.centre.assign({ cache: 'A', images: [big] })
    await expect.poll(() => world.soundNames(), soon).toEqual([])
    await expect
      .poll(() => world.centre.reports.at(-1)?.images[0]?.fault, soon)
      .toMatchObject({ code: 'no-space', message: expect.stringMatching(/\d+ bytes more must become free/) })
    expect(world.centre.stateOf('r/big:1')).toBe('waiting')
  })

  it('goes on when there is room on a full disk again', async () => {
    const bytes = layer(20_000)
    let isFull = true
    world.source.onChunk = () => {
      if (isFull && served(bytes) >= 5000) throw new Fault('no-space', 'no space left')
    }
    world.centre.assign({ cache: 'A', images: [world.image('r/a:1', createTestImage([bytes]))] })
    {
      await using _agent = world.start()
      await expect.poll(() => world.centre.reports.at(-1)?.images[0]?.fault?.code, soon).toBe('no-space')
    }
    isFull = false
    // The pause after a full disk is long; a node whose clock moved on does not wait.
    await using _agent = world.start({ now: () => Date.now() + 3_600_000 })
    await present('r/a:1')
    expect(served(bytes)).toBe(bytes.length)
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
    await present('r/a:1')
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
    await present('r/a:1')
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
    await present('r/a:1')
    await world.runtime.remove('r/a:1')
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/a:1'])
  })
})

const served = (bytes: Uint8Array): number => world.source.served.get(digestOf(bytes)) ?? 0
const blobNames = (): Promise<string[]> => readdir(join(world.directory, 'layout/blobs/sha256'))

async function ownedNames(): Promise<string[]> {
  return (await world.runtime.list()).flatMap(({ name, owned }) => (owned ? [name] : []))
}
