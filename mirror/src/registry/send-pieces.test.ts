import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { Fault } from '../oci/fault.ts'
import { openTransport, readCapped, type Transport, type TransportOptions } from './transport.ts'

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
})

async function serve(listener: RequestListener): Promise<URL> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  })
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
}

function transportOf(timeouts: TransportOptions['timeouts'] = {}): Transport {
  const transport = openTransport({ timeouts })
  open.push(transport)
  return transport
}

async function* pieces(count: number, { pauseMs = 0, size = 100_000 } = {}): AsyncGenerator<Uint8Array> {
  for (let place = 0; place < count; place++) {
    if (pauseMs > 0) await delay(pauseMs)
    yield new Uint8Array(size).fill(place)
  }
}

const countBytes: RequestListener = (request, response) => {
  let bytes = 0
  request.on('data', (chunk: Buffer) => (bytes += chunk.length))
  request.on('end', () => response.end(String(bytes)))
}

describe('a body that is sent as it comes', () => {
  it('arrives whole, its length announced or not', async () => {
    const url = await serve(countBytes)
    const transport = transportOf()
    for (const headers of [{}, { 'content-length': '1000000' }]) {
      const answer = await transport.send(url, { method: 'PATCH', headers, body: pieces(10) })
      expect(Buffer.from(await readCapped(answer, 100)).toString()).toBe('1000000')
    }
  })

  it('may take its time to come', async () => {
    const url = await serve(countBytes)
    const answer = await transportOf({ headersMs: 100 }).send(url, {
      method: 'PATCH',
      body: pieces(3, { pauseMs: 150 }),
    })
    expect(answer.status).toBe(200)
    await readCapped(answer, 100)
  })

  it('is given up when the other side takes nothing more', async () => {
    const url = await serve((request) => void request.pause())
    const sending = transportOf({ headersMs: 200 }).send(url, { method: 'PATCH', body: pieces(1000) })
    await expect(sending).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('fails as its source does', async () => {
    const url = await serve(countBytes)
    const fault = new Fault('corrupt', 'not what was promised')
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield* pieces(2)
      throw fault
    }
    await expect(transportOf().send(url, { method: 'PATCH', body: broken() })).rejects.toBe(fault)
  })

  it('ends with the signal', async () => {
    const url = await serve((request) => void request.pause())
    const stop = new AbortController()
    const sending = transportOf().send(url, { method: 'PATCH', body: pieces(1000), signal: stop.signal })
    setImmediate(() => stop.abort(new Error('enough')))
    await expect(sending).rejects.toThrow('enough')
  })

  it('need not be taken whole by who refuses it', async () => {
    const url = await serve((_, response) => {
      response.writeHead(413, { connection: 'close' }).end('too large')
    })
    const answer = await transportOf()
      .send(url, { method: 'PATCH', body: pieces(1000) })
      .catch((error: unknown) => error)
    // The connection may break before its answer is read; then it is tried again.
    const outcome = answer instanceof Error ? answer : (answer as { status: number })
    expect([413, 'unavailable']).toContain('status' in outcome ? outcome.status : (outcome as Fault).code)
  })
})
