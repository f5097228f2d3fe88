import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { bodyOf, discard, openTransport, readCapped, type Transport, type TransportOptions } from './transport.ts'

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
})

async function serve(listener: RequestListener): Promise<{ readonly server: Server; readonly url: URL }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  })
  return { server, url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`) }
}

function transportOf(options: TransportOptions = {}): Transport {
  const transport = openTransport(options)
  open.push(transport)
  return transport
}

const textOf = async (answer: Awaited<ReturnType<Transport['send']>>): Promise<string> =>
  Buffer.from(await readCapped(answer, 1e6)).toString()

describe('a connection', () => {
  it('is kept for the next request', async () => {
    const { server, url } = await serve((_, response) => response.end('x'))
    let connections = 0
    server.on('connection', () => (connections += 1))
    const transport = transportOf()
    for (let round = 0; round < 3; round++) {
      await textOf(await transport.send(url))
      await new Promise(setImmediate)
    }
    expect(connections).toBe(1)
  })

  it('is kept after a HEAD of something large, and not after half of it', async () => {
    const { server, url } = await serve(({ method }, response) => {
      response.setHeader('content-length', 1e6)
      if (method === 'HEAD') response.end()
      else response.write('half')
    })
    let connections = 0
    server.on('connection', () => (connections += 1))
    const transport = transportOf()
    for (const method of ['HEAD', 'HEAD', 'GET', 'GET'] as const) {
      await discard(await transport.send(url, { method }))
      await new Promise(setImmediate)
    }
    expect(connections).toBe(2)
  })

  it('is kept no longer than the server says', async () => {
    const { server, url } = await serve((_, response) => response.end('x'))
    server.keepAliveTimeout = 1500
    const transport = transportOf()
    server.once('connection', (socket) => socket.once('end', () => ended.resolve('by the client')))
    const ended = Promise.withResolvers<string>()
    await textOf(await transport.send(url))
    expect(await ended.promise).toBe('by the client')
  })

  it.each([
    ['GET', 'new'],
    ['PUT', 'new'],
    ['POST', 'fault'],
  ] as const)('that ends when it is taken up again costs a %s nothing but a POST: %s', async (method, outcome) => {
    const seen = new Set<Socket>()
    const { url } = await serve(({ socket }, response) => {
      if (seen.has(socket)) return void socket.destroy()
      seen.add(socket)
      response.end('new')
    })
    const transport = transportOf()
    await textOf(await transport.send(url))
    await new Promise(setImmediate)
    const said = await transport.send(url, { method }).then(textOf, () => 'fault')
    expect(said).toBe(outcome)
  })

  it('that ends before the answer is not tried again when it was new', async () => {
    let requests = 0
    const { url } = await serve(({ socket }) => {
      requests += 1
      socket.destroy()
    })
    await expect(transportOf().send(url)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('was cut'),
    })
    expect(requests).toBe(1)
  })

  it('that is kept, and then reset in the middle of an answer, is not asked again', async () => {
    const sockets: Socket[] = []
    const { url } = await serve(({ socket }, response) => {
      sockets.push(socket)
      if (sockets.length === 2) response.write('half')
      else response.end('whole')
    })
    const transport = transportOf()
    await textOf(await transport.send(url))
    await new Promise(setImmediate)
    const answer = await transport.send(url)
    expect(sockets[1]).toBe(sockets[0])
    sockets[1]?.resetAndDestroy()
    await expect(textOf(answer)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await textOf(await transport.send(url))).toBe('whole')
    expect(sockets).toHaveLength(3)
  })

  it('that is reset still brings what had come before', async () => {
    let socket: Socket | undefined
    const { url } = await serve((request, response) => {
      socket = request.socket
      response.write('half')
    })
    const answer = await transportOf().send(url)
    await once(answer.body, 'readable')
    socket?.resetAndDestroy()
    await once(answer.body, 'close').catch(() => undefined)
    const read: string[] = []
    const reading = (async () => {
      for await (const chunk of bodyOf(answer)) read.push(String(chunk))
    })()
    await expect(reading).rejects.toMatchObject({ code: 'unavailable' })
    expect(read).toEqual(['half'])
  })

  it('is closed by a reader who stops early', async () => {
    const closed = Promise.withResolvers<void>()
    const { url } = await serve((_, response) => {
      response.on('close', closed.resolve)
      response.write('x'.repeat(100_000))
    })
    for await (const _ of (await transportOf().send(url)).body) break
    await closed.promise
  })
})

describe('patience', () => {
  it('ends where no answer comes', async () => {
    const { url } = await serve(() => {})
    await expect(transportOf({ timeouts: { headersMs: 50 } }).send(url)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('no answer to the request in time'),
    })
  })

  it('does not take a slow reader for a silent server', async () => {
    const { url } = await serve((_, response) => {
      response.write('a')
      setImmediate(() => response.end('b'))
    })
    const answer = await transportOf({ timeouts: { stallMs: 500 } }).send(url)
    await new Promise((resolve) => setTimeout(resolve, 700))
    expect(await textOf(answer)).toBe('ab')
  })

  it('ends with the signal, before the answer and in its middle', async () => {
    const { url } = await serve((_, response) => void response.write('a'))
    const before = AbortSignal.abort(new Error('stopped'))
    await expect(transportOf().send(url, { signal: before })).rejects.toThrow('stopped')
    const controller = new AbortController()
    const answer = await transportOf().send(url, { signal: controller.signal })
    controller.abort(new Error('stopped later'))
    await expect(readCapped(answer, 1e6, controller.signal)).rejects.toThrow('stopped later')
  })

  it('is not needed for a proxy that is not there', async () => {
    const { server, url } = await serve(() => {})
    server.close()
    await once(server, 'close')
    const proxy = { httpProxy: url.href, httpsProxy: url.href }
    for (const target of ['http://registry.example/', 'https://registry.example/']) {
      await expect(transportOf({ proxy }).send(new URL(target))).rejects.toMatchObject({
        code: 'unavailable',
        message: 'registry.example: the proxy cannot be reached',
      })
    }
  })
})
