import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ImageReport } from '@stowage/mirror/edge/report'
import { digestOf } from '@stowage/mirror/oci/digest'
import { createFileSystem } from './files/create-file-system.ts'
import { syncOnce, type ImageOutcome, type SyncOnceOptions } from './sync-once.ts'
import { createAgentWorld, type AgentWorld } from './testing/agent-world.ts'
import { linkAway } from './testing/memory-centre.ts'
import { silentLog } from './testing/silent-log.ts'
import { createTestImage, linuxAmd64 } from './testing/test-image.ts'

const soon = { timeout: 10_000, interval: 10 }
let world: AgentWorld
beforeEach(async () => {
  world = await createAgentWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const optionsOf = (images: SyncOnceOptions['images'], more: Partial<SyncOnceOptions> = {}): SyncOnceOptions => ({
  images,
  source: world.source,
  dataDirectory: `${world.directory}/data`,
  files: createFileSystem(),
  runtime: world.runtime,
  platform: linuxAmd64,
  log: silentLog,
  limits: { stallMs: 60_000, reserveBytes: 0 },
  ...more,
})
const once = (images: SyncOnceOptions['images'], more: Partial<SyncOnceOptions> = {}): Promise<ImageOutcome[]> =>
  syncOnce(optionsOf(images, more), new AbortController().signal)

describe('bringing images once', () => {
  it('ends with all of them in the runtime, and says how far it is on the way', async () => {
    const shared = randomBytes(5000)
    const a = world.image('r/a:1', createTestImage([shared, randomBytes(3000)]))
    const b = world.image('r/b:1', createTestImage([shared]))
    const seen: ImageReport[][] = []
    const outcomes = await once([a, b], { onProgress: (reports) => seen.push([...reports]) })
    expect(outcomes).toEqual([
      { name: 'r/a:1', digest: a.root.digest, failure: undefined },
      { name: 'r/b:1', digest: b.root.digest, failure: undefined },
    ])
    expect(await world.soundNames()).toEqual(['r/a:1', 'r/b:1'])
    expect(world.source.served.get(digestOf(shared))).toBe(shared.length)
    expect(seen.at(-1)).toMatchObject([{ state: 'present' }, { state: 'present' }])
  })

  it('tries each image once, brings those that it can, and keeps what came of the others', async () => {
    const bytes = randomBytes(5000)
    const bad = world.image('r/bad:1', createTestImage([bytes]))
    const good = world.image('r/good:1', createTestImage([randomBytes(3000)]))
    world.source.weather.set(digestOf(bytes), [{ at: 3000, what: 'cut' }])
    expect(await once([bad, good])).toMatchObject([{ failure: { code: 'unavailable' } }, { failure: undefined }])
    expect(await once([bad, good])).toMatchObject([{ failure: undefined }, { failure: undefined }])
    expect(world.source.served.get(digestOf(bytes))).toBe(bytes.length)
  })

  it('drops what a name meant before, and keeps what an assignment wants', async () => {
    const assigned = world.image('r/assigned:1', createTestImage([randomBytes(3000)]))
    const old = createTestImage([randomBytes(3000)])
    const v1 = world.image('r/a:1', old)
    world.centre.assign({ cache: 'A', images: [assigned] })
    {
      await using _agent = world.start()
      await expect.poll(() => world.centre.stateOf('r/assigned:1'), soon).toBe('present')
    }
    await once([v1])
    const v2 = world.image('r/a:1', createTestImage([randomBytes(3000)]))
    await once([v2])
    expect(await world.soundNames()).toEqual(['r/a:1', 'r/assigned:1'])
    expect(await world.runtime.begin(old.graph)).toEqual(old.graph.manifest.layers)
  })

  it('lets go what a cache names no more, and keeps what other caches named', async () => {
    const image = (name: string) => world.image(name, createTestImage([randomBytes(3000)]))
    const [v1, v2, other] = [image('r/a:1'), image('r/a:2'), image('r/other:1')]
    const first = world.centre.assign({ cache: 'A', images: [v1] }, { cache: 'B', images: [other] })
    await once([v1, other], { entries: first.entries })
    const second = world.centre.assign({ cache: 'A', images: [v2] })
    await once([v2], { entries: second.entries })
    expect(await world.soundNames()).toEqual(['r/a:2', 'r/other:1'])
  })

  it('lets nothing go where not all came', async () => {
    const bytes = randomBytes(3000)
    const v1 = world.image('r/a:1', createTestImage([randomBytes(3000)]))
    const v2 = world.image('r/a:2', createTestImage([bytes]))
    await once([v1], { entries: world.centre.assign({ cache: 'A', images: [v1] }).entries })
    world.source.weather.set(digestOf(bytes), [{ at: 1000, what: 'cut' }])
    await once([v2], { entries: world.centre.assign({ cache: 'A', images: [v2] }).entries })
    expect(await world.soundNames()).toEqual(['r/a:1'])
  })

  it('is obeyed by an agent in place of its last assignment, until its centre speaks again', async () => {
    const v1 = world.image('r/a:1', createTestImage([randomBytes(3000)]))
    const v2 = world.image('r/a:2', createTestImage([randomBytes(3000)]))
    const last = world.centre.assign({ cache: 'A', images: [v1] })
    {
      await using _agent = world.start()
      await expect.poll(() => world.centre.stateOf('r/a:1'), soon).toBe('present')
    }
    const carried = world.centre.assign({ cache: 'A', images: [v2] })
    world.centre.send(last)
    await once([v2], { entries: carried.entries })
    expect(await world.soundNames()).toEqual(['r/a:2'])

    world.centre.away = linkAway()
    await using _agent = world.start()
    await expect.poll(() => world.centre.refused, soon).toBeGreaterThan(3)
    expect(await world.soundNames()).toEqual(['r/a:2'])
    world.centre.away = undefined
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/a:1'])
  })

  it('leaves images to an agent that comes later, which takes away what its cache names no more', async () => {
    const v1 = world.image('r/a:1', createTestImage([randomBytes(3000)]))
    const v2 = world.image('r/a:2', createTestImage([randomBytes(3000)]))
    await once([v1, v2], { entries: world.centre.assign({ cache: 'A', images: [v1, v2] }).entries })
    world.centre.assign({ cache: 'A', images: [v2] })
    await using _agent = world.start()
    await expect.poll(() => world.soundNames(), soon).toEqual(['r/a:2'])
  })

  it('is refused beside a running agent', async () => {
    await using _agent = world.start()
    await expect.poll(() => world.centre.reports.length, soon).toBeGreaterThan(0)
    await expect(once([])).rejects.toThrow(/another agent \(or import\) uses .*; stop it or choose another --data/)
  })

  it('stops with the reason of its signal', async () => {
    const controller = new AbortController()
    world.source.onChunk = () => controller.abort(new Error('Ctrl-C'))
    const a = world.image('r/a:1', createTestImage([randomBytes(5000)]))
    await expect(syncOnce(optionsOf([a]), controller.signal)).rejects.toThrow('Ctrl-C')
  })
})
