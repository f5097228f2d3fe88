import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'
import { createPrograms } from '../harness/programs.ts'
import { projectDirectory } from '../harness/project-directory.ts'
import { createLinkBench, dataOf, digestOf, settled } from './link-bench.ts'

const bench = createLinkBench()
const { serve, linkTo, clientOf } = bench
afterEach(() => bench.closeAll())

describe('a link', () => {
  it('carries every byte both ways in order and counts them', async () => {
    const data = dataOf(3_000_000)
    const upstream = await serve((socket) => void socket.pipe(socket))
    const link = await linkTo(upstream, { rate: 20_000_000, delayMs: 20, jitterMs: 10 })
    const client = clientOf(link)
    client.socket.end(data)
    expect(await client.ended).toBe('end')
    expect(digestOf(client.received())).toBe(digestOf(data))
    const { total, state, cuts } = await link.stats()
    expect(total).toMatchObject({ downBytes: 3_000_000, upBytes: 3_000_000, connections: 1, unreadable: 1 })
    expect([state, cuts]).toEqual(['up', 0])
    await eventually(async () => (await link.stats()).openConnections === 0)
  })

  it('passes an end on while the other direction goes on', async () => {
    const upstream = await serve((socket) => socket.on('end', () => socket.end('after the end')).resume())
    const client = clientOf(await linkTo(upstream, { delayMs: 5 }))
    client.socket.end('question')
    expect(await client.ended).toBe('end')
    expect(client.received().toString()).toBe('after the end')
  })

  it('tells the upstream that a client is gone', async () => {
    const gone = Promise.withResolvers<void>()
    const upstream = await serve((socket) => {
      socket.on('close', () => gone.resolve())
      socket.write('hello')
    })
    const link = await linkTo(upstream)
    const client = clientOf(link)
    await once(client.socket, 'data')
    client.socket.resetAndDestroy()
    await gone.promise
    await eventually(async () => (await link.stats()).openConnections === 0)
  })

  it('resets the client when nobody listens behind it', async () => {
    const link = await linkTo(`http://127.0.0.1:${await freePort()}`)
    expect(await clientOf(link).ended).toBe('ECONNRESET')
    await eventually(async () => (await link.stats()).openConnections === 0)
  })

  it('does not take from the upstream what the client does not take', async () => {
    let written = 0
    const upstream = await serve((socket) => {
      const chunk = Buffer.alloc(65_536)
      const write = (): void => {
        for (let canGoOn = true; canGoOn && !socket.destroyed; written += chunk.length) canGoOn = socket.write(chunk)
      }
      socket.on('drain', write)
      write()
    })
    const link = await linkTo(upstream)
    const client = clientOf(link)
    client.socket.pause()
    // The kernel's buffers of four sockets, and what the link may hold.
    expect(await settled(() => written)).toBeLessThan(32_000_000)
    const { total } = await link.stats()
    expect(written).toBeGreaterThanOrEqual(total.downBytes)
  })

  it('starts its counters anew when asked, and keeps the total', async () => {
    const link = await linkTo(await serve((socket) => void socket.end('12345')))
    const first = clientOf(link)
    await first.ended
    await link.resetCounters()
    const second = clientOf(link)
    await second.ended
    const { total, sinceReset } = await link.stats()
    expect([total.downBytes, sinceReset.downBytes, sinceReset.connections]).toEqual([10, 5, 1])
  })

  it('refuses control that it does not understand, and says why', async () => {
    const link = await linkTo(await serve(() => undefined))
    await expect(link.shape({ delayMs: -1 })).rejects.toThrow('delayMs')
    await expect(link.cut('sideways' as 'reset')).rejects.toThrow('mode')
  })

  it('ends when the process that started it is killed', async () => {
    await using programs = createPrograms()
    const source = `import { startLink } from './test/link/start-link.ts'
      console.log((await startLink({ upstream: 'http://127.0.0.1:9' })).url)
      setInterval(() => {}, 1000)`
    const args = ['--conditions=source', '--input-type=module-typescript', '-e', source]
    const parent = programs.start(process.execPath, args, { cwd: projectDirectory })
    const [url] = await parent.waitForLine(/^http:.*$/)
    await parent.kill()
    await eventually(() => refuses(url), { what: 'the end of the link' })
  })
})

async function refuses(url: string): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) })
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    socket.once('connect', () => resolve(undefined)).once('error', resolve)
  })
  socket.destroy()
  return error?.code === 'ECONNREFUSED'
}

describe('a silent link', () => {
  it('moves nothing, tells nobody, and goes on where it was', async () => {
    const data = dataOf(4_000_000)
    const upstream = await serve((socket) => void socket.end(data))
    const link = await linkTo(upstream, { rate: 8_000_000, delayMs: 20 })
    const client = clientOf(link)
    await eventually(() => client.received().length > 500_000)
    const { total } = await link.cut('silence')
    await eventually(() => client.received().length === total.downBytes)
    expect(await settled(() => client.received().length)).toBe(total.downBytes)
    expect((await link.stats()).state).toBe('silence')
    await link.up()
    expect(await client.ended).toBe('end')
    expect(digestOf(client.received())).toBe(digestOf(data))
    expect((await link.stats()).total.downBytes).toBe(data.length)
  })

  it('lets new connections hang until it is up', async () => {
    let connections = 0
    const upstream = await serve((socket) => {
      connections += 1
      socket.end('late')
    })
    const link = await linkTo(upstream)
    await link.cut('silence')
    const client = clientOf(link)
    await once(client.socket, 'connect')
    expect(await settled(() => connections + client.received().length)).toBe(0)
    await link.up()
    expect(await client.ended).toBe('end')
    expect(client.received().toString()).toBe('late')
  })

  it('never wakes the connections that it was told to forget', async () => {
    const upstream = await serve((socket) => void socket.pipe(socket))
    const link = await linkTo(upstream)
    const forgotten = clientOf(link)
    forgotten.socket.write('a')
    await eventually(() => forgotten.received().length === 1)
    await link.cut('silence', { forget: true })
    await link.up()
    forgotten.socket.write('b')
    const fresh = clientOf(link)
    fresh.socket.write('c')
    await eventually(() => fresh.received().length === 1)
    expect(await settled(() => forgotten.received().length)).toBe(1)
    forgotten.socket.destroy()
    fresh.socket.destroy()
    await eventually(async () => (await link.stats()).openConnections === 0)
  })

  it('is up again by itself after its time', async () => {
    const link = await linkTo(await serve((socket) => void socket.end('x')))
    await link.cut('silence', { durationMs: 50 })
    expect(await clientOf(link).ended).toBe('end')
    expect(await link.stats()).toMatchObject({ state: 'up', cuts: 1 })
  })
})

describe('a link that resets', () => {
  it('ends every connection with RST on both sides, and new ones too, until it is up', async () => {
    const ends: string[] = []
    const upstream = await serve((socket) => {
      socket.on('error', (error: NodeJS.ErrnoException) => ends.push(error.code ?? ''))
      socket.pipe(socket)
    })
    const link = await linkTo(upstream)
    const clients = [clientOf(link), clientOf(link)]
    for (const client of clients) client.socket.write('x')
    await eventually(() => clients.every((client) => client.received().length === 1))
    await link.cut('reset')
    expect(await Promise.all(clients.map((client) => client.ended))).toEqual(['ECONNRESET', 'ECONNRESET'])
    await eventually(() => ends.length === 2)
    expect(await clientOf(link).ended).toBe('ECONNRESET')
    await link.up()
    const after = clientOf(link)
    after.socket.end('y')
    expect(await after.ended).toBe('end')
    expect((await link.stats()).total).toMatchObject({ connections: 4, downBytes: 3 })
  })

  it('ends also what hangs in a silent link', async () => {
    const link = await linkTo(await serve((socket) => void socket.end('x')))
    await link.cut('silence')
    const client = clientOf(link)
    await once(client.socket, 'connect')
    expect(await link.cut('reset')).toMatchObject({ state: 'reset', cuts: 1 })
    expect(await client.ended).toBe('ECONNRESET')
  })
})
