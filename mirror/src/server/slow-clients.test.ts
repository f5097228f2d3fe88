import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFakeCertificate } from '../registry/fake-certificate.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { silentLog } from '../testing/silent-log.ts'
import { allowAll } from './authorize.ts'
import { createMirrorServer, listen, type Listening, type MirrorServerOptions } from './mirror-server.ts'
import { createNetworks, parseNetwork } from './networks.ts'
import { registryRoutes } from './registry-routes.ts'

const store = createContentStore(createMemoryStore())
let cut: string[]
/** Requests that are never answered. */
let begun: number
let stack: AsyncDisposableStack

beforeEach(() => {
  cut = []
  begun = 0
  stack = new AsyncDisposableStack()
})
afterEach(() => stack.disposeAsync())

async function serve(options: MirrorServerOptions): Promise<Listening> {
  const meter = {
    add: (_: unknown, { reason }: { reason?: string }) => void (reason && cut.push(reason)),
    observe: () => undefined,
  }
  const app = createMirrorServer({ meter, ...options })
  await app.register(registryRoutes, { store, authorize: allowAll, log: silentLog })
  app.post('/document', (request) => ({ got: request.body }))
  app.get('/slow', (_, reply) => {
    begun++
    reply.hijack()
  })
  return stack.use(await listen(app, { host: '127.0.0.1', port: 0, graceMs: 0 }))
}

async function open({ address: { port } }: Listening, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  stack.defer(() => void socket.destroy())
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** Sends one byte after the other for as long as it is listened to; all that was answered by then. */
async function trickle(socket: Socket, text: string, everyMs = 20): Promise<string> {
  let at = 0
  const timer = setInterval(() => void socket.write(text[at++ % text.length] ?? ''), everyMs)
  try {
    return Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>)).toString()
  } catch {
    // Cut without a word, as the client was while it wrote.
    return ''
  } finally {
    clearInterval(timer)
  }
}

const impatient = { headMs: 300, graceMs: 300, bytesPerSecond: 1024 }

describe('a client that takes its time', () => {
  it('over the head of a request is cut, and counted', async () => {
    const listening = await serve({ patience: impatient })
    const answers = [
      await trickle(await open(listening), 'GET /v2/ HTTP/1.1\r\nhost: x\r\nx: '),
      await trickle(await open(listening), ' '.repeat(10), 1000),
    ]
    for (const answer of answers) expect(answer).toMatch(/^$|^HTTP\/1\.1 408 /)
    expect(cut).toEqual(['slow-head', 'slow-head'])
  })

  it('over its second request is cut as well', async () => {
    const socket = await open(await serve({ patience: impatient }))
    socket.write('GET /v2/ HTTP/1.1\r\nhost: x\r\n\r\n')
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200/)
    await trickle(socket, 'GET /v2/ HTTP/1.1\r\nhost: x\r\nx: ')
    expect(cut).toEqual(['slow-head'])
  })

  it.each([
    ['a manifest', 'PUT /v2/a/manifests/v1', 'content-length: 1000000'],
    ['a manifest whose query looks like an upload', 'PUT /v2/a/manifests/v1?/blobs/uploads', 'content-length: 1000000'],
    ['a manifest in chunks', 'PUT /v2/a/manifests/v1', 'transfer-encoding: chunked'],
    ['a document', 'POST /document', 'content-length: 1000'],
    ['what nobody asked for', 'GET /v2/', 'content-length: 1000'],
    ['what is not there', 'POST /nothing', 'content-length: 1000'],
  ])('over %s is cut, and counted', async (_, line, framing) => {
    const socket = await open(await serve({ patience: impatient }))
    socket.write(`${line} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${framing}\r\n\r\n`)
    await trickle(socket, framing.startsWith('transfer') ? '1\r\n \r\n' : ' ')
    expect(cut).toEqual(['slow-body'])
  })

  it('over a blob is not cut', async () => {
    const listening = await serve({ patience: { ...impatient, graceMs: 50 } })
    const begun = await fetch(`${listening.url}/v2/a/blobs/uploads/`, { method: 'POST' })
    const socket = await open(listening)
    const line = `PATCH ${begun.headers.get('location')} HTTP/1.1`
    socket.write(`${line}\r\nhost: x\r\ncontent-length: 20\r\nconnection: close\r\n\r\n`)
    const answered = Array.fromAsync(socket as AsyncIterable<Buffer>)
    for (let sent = 0; sent < 20; sent++)
      await new Promise((resolve) => socket.write(' ', () => setTimeout(resolve, 10)))
    expect(Buffer.concat(await answered).toString()).toMatch(/^HTTP\/1\.1 202 /)
    expect(cut).toEqual([])
  })

  it('but brings enough is not cut', async () => {
    const socket = await open(await serve({ patience: { ...impatient, graceMs: 50, bytesPerSecond: 10 } }))
    socket.write('POST /document HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 22\r\n\r\n')
    const [answer] = await Promise.all([
      once(socket, 'data'),
      (async () => {
        for (const letter of `"${'x'.repeat(20)}"`) {
          await new Promise((resolve) => socket.write(letter, () => setTimeout(resolve, 10)))
        }
      })(),
    ])
    expect(String(answer[0])).toMatch(/^HTTP\/1\.1 200 /)
    expect(cut).toEqual([])
  })

  it('but had sent it while this process stood still is not cut', async () => {
    const socket = await open(await serve({ patience: { ...impatient, graceMs: 50, bytesPerSecond: 10 } }))
    socket.write('POST /document HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 22\r\n\r\n')
    const answer = once(socket, 'data')
    await delay(10)
    // From there timers come next, and only then what sockets have.
    setImmediate(() => {
      socket.write(`"${'x'.repeat(20)}"`)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    })
    expect(String((await answer)[0])).toMatch(/^HTTP\/1\.1 200 /)
    expect(cut).toEqual([])
  })

  it('over the beginning of TLS is cut like that', async () => {
    const { cert: certificate, key } = createFakeCertificate()
    const socket = await open(await serve({ patience: impatient, certificate: { certificate, key } }))
    await trickle(socket, '\x16\x03\x01\x02\x00\x01', 1000)
    expect(cut).toEqual(['slow-head'])
  })
})

/** Whether a connection is still there after a moment in which who has too many is cut. */
async function isTaken(socket: Socket): Promise<boolean> {
  const isCut = once(socket, 'close').then(() => false)
  const isOpen = new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 100))
  const taken = await Promise.race([isCut, isOpen])
  socket.destroy()
  await isCut
  return taken
}

describe('a client with many connections', () => {
  it('has no more than it may, and gets another one when one of them ends', async () => {
    const listening = await serve({ limits: { perClient: 2 } })
    const [first] = [await open(listening), await open(listening)]
    const third = await open(listening)
    await once(third, 'close')
    expect(cut).toEqual(['too-many'])
    const other = await open(listening, '127.0.0.2')
    other.write('GET /v2/ HTTP/1.1\r\nhost: x\r\n\r\n')
    expect(String((await once(other, 'data'))[0])).toMatch(/^HTTP\/1\.1 200/)
    first.destroy()
    await expect.poll(async () => (await fetch(`${listening.url}/v2/`).catch(() => undefined))?.status).toBe(200)
  })

  it('has its places back when connections with TLS end', async () => {
    const { cert: certificate, key } = createFakeCertificate()
    const listening = await serve({ limits: { perClient: 1 }, certificate: { certificate, key } })
    const { port } = listening.address
    for (let times = 0; times < 3; times++) {
      const socket = stack.adopt(connectSecurely({ port, ca: certificate }), (open) => void open.destroy())
      await once(socket, 'secureConnect')
      const over = await open(listening)
      await once(over, 'close')
      socket.destroy()
      await once(socket, 'close')
      // The other side may hear of it a moment later.
      await expect.poll(async () => isTaken(await open(listening))).toBe(true)
    }
  })

  it('may be a proxy', async () => {
    const isProxy = createNetworks([parseNetwork('127.0.0.1')])
    const listening = await serve({ limits: { perClient: 1, isProxy } })
    const sockets = [await open(listening), await open(listening), await open(listening)]
    for (const socket of sockets) {
      socket.write('GET /v2/ HTTP/1.1\r\nhost: x\r\n\r\n')
      expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 200/)
    }
    expect(cut).toEqual([])
  })
})

describe('a client that asks before it has its answers', () => {
  const ask = (times: number): string => 'GET /v2/ HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(times)

  it('has them all, one after the other', async () => {
    const socket = await open(await serve({}))
    socket.write(ask(15) + ask(1).replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'))
    const answers = Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>)).toString()
    expect(answers.match(/HTTP\/1\.1 200 /g)).toHaveLength(16)
    expect(cut).toEqual([])
  })

  it('a thousand times is cut, and no more than one answer was begun with', async () => {
    const socket = await open(await serve({}))
    const closed = once(socket, 'close')
    socket.write(ask(1000).replaceAll('/v2/', '/slow'))
    await closed
    expect(cut).toEqual(['pipelined'])
    expect(begun).toBe(1)
  })
})
