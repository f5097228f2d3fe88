import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fileURLToPath } from 'node:url'
import { eventually } from '../harness/eventually.ts'
import { createPrograms } from '../harness/programs.ts'
import { projectDirectory } from '../harness/project-directory.ts'
import { requirePart } from '../harness/require-part.ts'
import type { Spawned } from '../harness/spawned.ts'
import { seededBytes } from '../image-maker/seeded-bytes.ts'
import type { EmulatedShape } from './emulator/emulated-link-protocol.ts'
import { createNamespace, type Namespace } from './namespace.ts'
import { startEmulatedLink, type RunningEmulatedLink } from './start-emulated-link.ts'

const peer = fileURLToPath(new URL('./tcp-peer.ts', import.meta.url))
const at = '192.0.2.1:9000'

let opened: AsyncDisposableStack
let centre: Namespace
let node: Namespace
const programs = createPrograms()

requirePart('netns')('an emulated link', () => {
  beforeEach(async () => {
    opened = new AsyncDisposableStack()
    centre = opened.use(await createNamespace('centre'))
    node = opened.use(await createNamespace('node'))
  })
  afterEach(async () => {
    await programs.stopAll()
    await opened.disposeAsync()
  })

  it('has the round trip that it was told to have', async () => {
    const link = await linkWith({ delayMs: 40 })
    await serve('echo')
    const talker = peerIn(node, 'talk')
    await talker.waitForLine(/^heard$/)
    const began = performance.now()
    const rounds = 5
    await eventually(() => talker.lines().length >= 1 + rounds)
    expect(performance.now() - began).toBeGreaterThanOrEqual((rounds - 1) * 80)
    await link.shape({ delayMs: 0 })
    await eventually(() => talker.lines().length >= 30)
  })

  it('carries no more than its rate, and all of it', async () => {
    const bitsPerSecond = 8_000_000
    await linkWith({ down: { bitsPerSecond } })
    await serve('send', 2_000_000)
    const client = peerIn(node, 'fetch')
    await client.waitForLine(/^begun$/)
    const began = performance.now()
    await client.waitForLine(gotAll(2_000_000))
    // What had come at the beginning is less than the first window and a queue.
    expect(performance.now() - began).toBeGreaterThanOrEqual(((2_000_000 - 300_000) * 8000) / bitsPerSecond)
  })

  it('loses packets, and TCP mends it', async () => {
    const link = await linkWith({ lossPercent: 3, delayMs: 2 })
    await serve('send', 3_000_000)
    await peerIn(node, 'fetch').waitForLine(gotAll(3_000_000))
    const { down, payload } = await link.stats()
    expect(down.lost.packets).toBeGreaterThan(10)
    expect(down.sent.bytes).toBeGreaterThan(3_000_000 + down.lost.bytes)
    expect(payload).toMatchObject({ downBytes: 3_000_000, connections: 1 })
  })

  it('counts as the kernel does at the node', async () => {
    const link = await linkWith({ delayMs: 5, lossPercent: 1, bitsPerSecond: 50_000_000 })
    await serve('send', 1_000_000)
    await peerIn(node, 'fetch').waitForLine(gotAll(1_000_000))
    await eventually(async () => {
      const [{ down, up }, bytes] = [await link.stats(), await link.nodeBytes()]
      return bytes.received === down.arrived.bytes + down.resets.bytes && bytes.sent === up.sent.bytes
    })
    expect((await link.nodeBytes()).received).toBeGreaterThan(1_000_000)
  })

  it('counts the bytes of blobs that left the centre, each once', async () => {
    const link = await linkWith({ lossPercent: 2, delayMs: 2 })
    await serve('blob', 700_000)
    const digest = `sha256:${'a'.repeat(64)}`
    const source = `fetch('http://${at}/v2/app/blobs/${digest}').then((r) => r.bytes()).then((b) => console.log(b.length))`
    expect(await node.run(process.execPath, ['-e', source])).toBe('700000')
    const { payload } = await link.stats()
    expect(payload).toMatchObject({ blobBytes: 700_000, blobs: { [digest]: { responses: 1, bytes: 700_000 } } })
  })

  it('is silent in a cut, and a connection goes on after it', async () => {
    const link = await linkWith({ bitsPerSecond: 16_000_000, delayMs: 5 })
    await serve('send', 3_000_000)
    const client = peerIn(node, 'fetch')
    await client.waitForLine(/^begun$/)
    const { down } = await link.cut('silence')
    await eventually(async () => (await link.stats()).down.cut.packets > down.cut.packets) // TCP tries again.
    expect((await link.stats()).down.arrived).toEqual(down.arrived)
    await link.up()
    await client.waitForLine(gotAll(3_000_000))
    expect(await link.stats()).toMatchObject({ state: 'up', cuts: 1, payload: { downBytes: 3_000_000 } })
  })

  it('resets connections on both sides at once, and refuses new ones until it is up', async () => {
    const link = await linkWith({ bitsPerSecond: 16_000_000, delayMs: 10 })
    const server = await serve('send', 50_000_000)
    const client = peerIn(node, 'fetch')
    await client.waitForLine(/^begun$/)
    await link.cut('reset')
    await Promise.all([client, server].map((end) => end.waitForLine(/^error (ECONNRESET|EPIPE)$/)))
    await peerIn(node, 'fetch').waitForLine(/^error ECONNREFUSED$/)
    expect(await link.up()).toMatchObject({ state: 'up', openConnections: 0 })
    await peerIn(node, 'fetch').waitForLine(/^begun$/)
  })

  it('resets connections on which nothing is said', async () => {
    const link = await linkWith({})
    const server = await serve('echo')
    const client = peerIn(node, 'fetch')
    await eventually(async () => (await link.stats()).openConnections === 1)
    await link.cut('reset', { durationMs: 0 })
    await Promise.all([client, server].map((end) => end.waitForLine(/^error ECONNRESET$/)))
  })

  it('never wakes the connections that it was told to forget', async () => {
    const link = await linkWith({})
    await serve('echo')
    const forgotten = peerIn(node, 'talk')
    await forgotten.waitForLine(/^heard$/)
    await link.cut('silence', { forget: true })
    const { up } = await link.up()
    const heard = forgotten.lineCount()
    await eventually(async () => (await link.stats()).up.cut.packets > up.cut.packets)
    await peerIn(node, 'talk').waitForLine(/^heard$/)
    expect(forgotten.lineCount()).toBe(heard)
  })

  it('is cut by plan after so many bytes, and comes up by itself', async () => {
    const link = await linkWith({ delayMs: 1 })
    await link.plan({
      cuts: [
        { mode: 'silence', afterDownBytes: 200_000, durationMs: 600_000 },
        { mode: 'reset', afterDownBytes: 100_000, durationMs: 1 },
      ],
    })
    await serve('send', 1_000_000)
    const client = peerIn(node, 'fetch')
    const { down } = await eventually(async () => {
      const stats = await link.stats()
      return stats.state === 'silence' && stats
    })
    expect(down.arrived.bytes).toBeLessThanOrEqual(200_000)
    expect(down.arrived.bytes).toBeGreaterThan(200_000 - 1500)
    await link.up()
    await client.waitForLine(/^error ECONNRESET$/)
    await eventually(async () => (await link.stats()).state === 'up')
    expect(await link.stats()).toMatchObject({ cuts: 2, plannedCuts: 0 })
  })

  it('leads to several nodes from one centre', async () => {
    await linkWith({})
    const second = opened.use(await createNamespace('second'))
    const addresses = { centre: '192.0.2.1', node: '192.0.2.3' }
    opened.use(await startEmulatedLink({ centre, node: second, device: 'link1', addresses }))
    await serve('send', 100_000)
    await Promise.all([node, second].map((end) => peerIn(end, 'fetch').waitForLine(gotAll(100_000))))
  })

  it('refuses control that it does not understand, and says why', async () => {
    const link = await linkWith({})
    await expect(link.shape({ delayMs: -1 })).rejects.toThrow('delayMs')
    await link.close()
    await expect(linkWith({ lossPercent: 101 })).rejects.toThrow('lossPercent')
  })

  it('leaves no device behind, also when the process that started it is killed', async () => {
    const link = await linkWith({})
    await link.close()
    expect(await devicesOf(node)).toEqual(['lo'])
    const source = `import { startEmulatedLink } from './test/net/start-emulated-link.ts'
      const end = (name) => ({ ...JSON.parse(name), run: async () => '' })
      await startEmulatedLink({ centre: end(process.argv[1]), node: end(process.argv[2]) })
      console.log('on')
      setInterval(() => {}, 1000)`
    const args = ['--conditions=source', '--input-type=module-typescript', '-e', source]
    const ends = [centre, node].map((end) => JSON.stringify(end))
    const parent = programs.start(process.execPath, [...args, ...ends], { cwd: projectDirectory })
    await parent.waitForLine(/^on$/)
    expect(await devicesOf(node)).toEqual(['lo', 'link0'])
    await parent.kill()
    await eventually(async () => (await devicesOf(node)).length === 1)
  })
})

async function linkWith(shape: EmulatedShape): Promise<RunningEmulatedLink> {
  return opened.use(await startEmulatedLink({ centre, node, shape }))
}

async function serve(what: 'blob' | 'echo' | 'send', size = 0): Promise<Spawned> {
  const server = peerIn(centre, what, size)
  await server.waitForLine(/^listening$/)
  return server
}

function peerIn({ launcher: [nsenter, ...into] }: Namespace, what: string, size = 0): Spawned {
  const args = [process.execPath, '--conditions=source', peer, what, at, `${size}`]
  return programs.start(nsenter, [...into, ...args], { name: what })
}

function gotAll(size: number): RegExp {
  const hash = createHash('sha256')
  for (const bytes of seededBytes({ size, seed: 'peer' })) hash.update(bytes)
  return new RegExp(`^got ${size} ${hash.digest('hex')}$`)
}

async function devicesOf(namespace: Namespace): Promise<string[]> {
  const links = JSON.parse(await namespace.run('ip', ['-j', 'link'])) as { ifname: string }[]
  return links.map(({ ifname }) => ifname)
}
