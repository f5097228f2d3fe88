import { once } from 'node:events'
import { get, request, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { pino } from 'pino'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import type { ContentStore } from '../store/content-store.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { allowAll } from './authorize.ts'
import { createMirrorServer, listen, type Listening } from './mirror-server.ts'
import { registryRoutes } from './registry-routes.ts'

const chunkSize = 512 * 1024
const bytes = Buffer.from('0123456789')
const digest = digestOf(bytes)
const opened: Listening[] = []

afterEach(async () => {
  for (const listening of opened.splice(0)) await listening[Symbol.asyncDispose]()
})

async function serve(store: ContentStore = createContentStore(createMemoryStore()), graceMs = 100): Promise<Listening> {
  const app = createMirrorServer()
  await app.register(registryRoutes, { store, authorize: allowAll, log: pino({ level: 'silent' }) })
  const listening = await listen(app, { host: '127.0.0.1', port: 0, graceMs })
  opened.push(listening)
  return listening
}

interface Source {
  readonly store: ContentStore
  chunksRead: number
  isClosed: boolean
}

/** A store with one blob of `chunks` chunks that all live in one buffer: chunk n is full of n. */
function oneBufferStore(chunks: number): Source {
  const source = { store: createContentStore(createMemoryStore()), chunksRead: 0, isClosed: false }
  const size = chunks * chunkSize
  async function* read(): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.alloc(chunkSize)
    try {
      for (; source.chunksRead < chunks; source.chunksRead++) yield buffer.fill(source.chunksRead % 256)
    } finally {
      buffer.fill(0xff)
      source.isClosed = true
    }
  }
  const { store } = source
  source.store = {
    ...store,
    repository: (name) => ({
      ...store.repository(name),
      stat: async () => ({ mediaType: 'x/y', digest, size }),
      openBlob: async () => ({ info: { key: 'x', size, etag: 'x', changedAt: 0 }, bytes: read() }),
    }),
  }
  return source
}

async function download({ url }: Listening): Promise<IncomingMessage> {
  const [response] = (await once(get(`${url}/v2/a/blobs/${digest}`, { agent: false }), 'response')) as [IncomingMessage]
  return response
}

async function beginUpload({ url }: Listening): Promise<string> {
  const response = await fetch(`${url}/v2/a/blobs/uploads/`, { method: 'POST' })
  return String(response.headers.get('location'))
}

/** Sends the head of a PATCH of 1000 bytes and only the first few of them. */
async function halfPatch({ address }: Listening, location: string, part: Buffer): Promise<Socket> {
  const socket = connect(address.port, address.host)
  socket.on('error', () => undefined)
  socket.write(`PATCH ${location} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n`)
  socket.write(part)
  await once(socket, 'connect')
  return socket
}

const rangeOf = async ({ url }: Listening, location: string): Promise<string | null> =>
  (await fetch(`${url}${location}`)).headers.get('range')

describe('a mirror server', () => {
  it('has no time limit for a request and keeps connections longer than containerd does', () => {
    const { server } = createMirrorServer()
    expect(server.requestTimeout).toBe(0)
    expect(server.keepAliveTimeout).toBeGreaterThan(90_000)
  })

  it.each(['/there', '/nowhere'])('does not hold a large body in memory (%s)', async (path) => {
    const app = createMirrorServer()
    app.delete('/there', () => 'deleted')
    const listening = await listen(app, { host: '127.0.0.1', port: 0 })
    opened.push(listening)
    const headers = { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' }
    const sending = request(`${listening.url}${path}`, { method: 'DELETE', headers })
    sending.on('error', () => {})
    for (let size = 0; size < 4; size++) sending.write(Buffer.alloc(1024 * 1024, ' '))
    const [answer] = (await once(sending, 'response')) as [IncomingMessage]
    expect(answer.statusCode).toBe(413)
    sending.destroy()
  })

  it('says which port is taken', async () => {
    const { address } = await serve()
    await expect(listen(createMirrorServer(), address)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`127.0.0.1:${address.port}`) as string,
    })
  })

  it('says that an address is not of this machine', async () => {
    await expect(listen(createMirrorServer(), { host: '203.0.113.1', port: 0 })).rejects.toMatchObject({
      code: 'invalid',
    })
  })

  it('lets a download end that takes shorter than the grace period', async () => {
    const source = oneBufferStore(40)
    const listening = await serve(source.store, 60_000)
    const response = await download(listening)
    const closed = listening[Symbol.asyncDispose]()
    let size = 0
    for await (const chunk of response) size += (chunk as Buffer).length
    await closed
    expect(size).toBe(40 * chunkSize)
  })

  it('cuts a download that takes longer', async () => {
    const source = oneBufferStore(2000)
    const listening = await serve(source.store, 50)
    const response = await download(listening)
    const ended = new Promise((resolve) => response.once('close', resolve))
    response.on('error', () => undefined).pause()
    await listening[Symbol.asyncDispose]()
    response.resume()
    await ended
    expect(response.complete).toBe(false)
    await expect.poll(() => source.isClosed).toBe(true)
  })
})

describe('blob bytes', () => {
  it('arrive as they were although their buffer is used again', async () => {
    const listening = await serve(oneBufferStore(64).store)
    let position = 0
    let isRight = true
    for await (const part of await download(listening)) {
      for (const byte of part as Buffer) isRight &&= byte === Math.floor(position++ / chunkSize) % 256
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(position).toBe(64 * chunkSize)
    expect(isRight).toBe(true)
  })

  it('are not read ahead of a client that does not take them', async () => {
    const source = oneBufferStore(2000)
    const response = await download(await serve(source.store))
    response.pause()
    const readSoFar = await settled(() => source.chunksRead)
    expect(readSoFar).toBeLessThan(200)
    response.destroy()
  })

  it('are let go of when the client goes away', async () => {
    const source = oneBufferStore(2000)
    const response = await download(await serve(source.store))
    response.on('error', () => undefined).pause()
    await settled(() => source.chunksRead)
    response.destroy()
    await expect.poll(() => source.isClosed).toBe(true)
  })
})

describe('an upload over a broken connection', () => {
  it('keeps what came before the client vanished', async () => {
    const listening = await serve()
    const location = await beginUpload(listening)
    const socket = await halfPatch(listening, location, bytes)
    await expect.poll(() => rangeOf(listening, location)).toBe('0-9')
    socket.destroy()
    const end = await fetch(`${listening.url}${location}?digest=${digest}`, { method: 'PUT' })
    expect(end.status).toBe(201)
  })

  it('goes on over a new connection while the old one hangs', async () => {
    const listening = await serve()
    const location = await beginUpload(listening)
    const hanging = await halfPatch(listening, location, bytes.subarray(0, 4))
    await expect.poll(() => rangeOf(listening, location)).toBe('0-3')
    const rest = { method: 'PATCH', body: bytes.subarray(4), headers: { 'content-range': '4-9' } }
    expect((await fetch(`${listening.url}${location}`, rest)).headers.get('range')).toBe('0-9')
    expect((await fetch(`${listening.url}${location}?digest=${digest}`, { method: 'PUT' })).status).toBe(201)
    await expect.poll(() => hanging.closed).toBe(true)
  })

  it('is told what is wrong before all of it was sent', async () => {
    const { url } = await serve()
    const sending = request(`${url}/v2/a/manifests/v1`, { method: 'PUT' })
    sending.on('error', () => undefined)
    for (let size = 0; size < 6; size++) sending.write(Buffer.alloc(1024 * 1024, ' '))
    const [response] = (await once(sending, 'response')) as [IncomingMessage]
    expect(response.statusCode).toBe(413)
    sending.destroy()
  })

  it.each(['/v2/a/manifests/v1', '/v2/a/blobs/uploads/unknown?digest=none'])(
    'is cut when it goes on after it was refused (%s)',
    async (path) => {
      const { address } = await serve()
      const socket = connect(address.port, address.host).on('error', () => undefined)
      socket.resume().write(`PUT ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${2 ** 40}\r\n\r\n`)
      const closed = new Promise((resolve) => socket.once('close', resolve))
      const chunk = Buffer.alloc(1024 * 1024, ' ')
      let sent = 0
      for (; sent < 200 && !socket.destroyed; sent++) {
        if (!socket.write(chunk)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed])
      }
      expect(sent).toBeLessThan(200)
    },
  )
})

/** What a growing number stays at. */
async function settled(look: () => number): Promise<number> {
  let before = -1
  await vi.waitFor(
    () => {
      const now = look()
      const isSame = now === before
      before = now
      expect(now > 0 && isSame).toBe(true)
    },
    { interval: 100, timeout: 30_000 },
  )
  return before
}
