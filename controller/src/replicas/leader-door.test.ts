import { once } from 'node:events'
import {
  Agent,
  createServer,
  request as sendRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { fastify, type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KnownLeader } from '../kube/lease/plan-lease.ts'
import { leaderDoor, type RawHandler } from './leader-door.ts'

let app: FastifyInstance
let url: string
let own: RawHandler | undefined
let leader: KnownLeader | undefined
let servers: Server[]
let looks: number

beforeEach(async () => {
  own = undefined
  leader = undefined
  servers = []
  looks = 0
  app = fastify()
  const steadyNow = (): number => performance.now()
  await app.register(
    leaderDoor({ identity: 'b', own: () => (looks++, own), leader: () => leader, steadyNow, patienceMs: 300 }),
  )
  url = await app.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(async () => {
  await app.close()
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

async function leads(handler: RequestListener, more: Partial<KnownLeader> = {}): Promise<Server> {
  const server = createServer(handler)
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  leader = { identity: 'a', address, until: performance.now() + 15_000, ...more }
  return server
}

/** A request whose body and answer are streamed. */
function open(path: string, method = 'GET') {
  const sent = sendRequest(`${url}${path}`, { method })
  const answered = once(sent, 'response').then(([answer]) => answer as IncomingMessage)
  answered.catch(() => undefined)
  return { sent, answered }
}

/** A request as a body. */
const inner = 'DELETE /api/v1/nodes/y HTTP/1.1\r\nhost: z\r\n\r\n'

const next = async (stream: IncomingMessage): Promise<string> => String((await once(stream, 'data'))[0])

describe('a replica that does not lead', () => {
  it('passes on what it is asked and what the leader says, byte for byte', async () => {
    await leads((request, response) => {
      const { method, url: path, headers } = request
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        const said = { method, path, by: headers['stowage-forwarded'], etag: headers['if-none-match'], body }
        response.writeHead(201, { etag: '"e/2"', 'content-type': 'application/json' }).end(JSON.stringify(said))
      })
    })
    const answer = await fetch(`${url}/edge/v1/nodes/a%2Fb/report?wait=1`, {
      method: 'PUT',
      headers: { 'if-none-match': '"e/1"' },
      body: 'x'.repeat(2_000_000),
    })
    expect([answer.status, answer.headers.get('etag')]).toEqual([201, '"e/2"'])
    expect(await answer.json()).toEqual({
      method: 'PUT',
      path: '/edge/v1/nodes/a%2Fb/report?wait=1',
      by: 'b',
      etag: '"e/1"',
      body: 'x'.repeat(2_000_000),
    })
  })

  it.each([
    ['chunks', 'GET', { 'transfer-encoding': 'chunked' }],
    ['chunks', 'DELETE', { 'transfer-encoding': 'chunked' }],
    [
      'a length called one of the connection',
      'DELETE',
      { connection: 'content-length', 'content-length': inner.length },
    ],
  ])('passes on no second request in the body of a first one, with %s (%s)', async (_, method, headers) => {
    const seen: string[] = []
    await leads((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        seen.push(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`)
        response.end('answered')
      })
    })
    const sent = sendRequest(`${url}/api/v1/nodes/x`, { method, headers })
    sent.end(inner)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    expect(await next(answer)).toBe('answered')
    expect(seen).toEqual([`${method} /api/v1/nodes/x ${inner}`])
  })

  it('holds long polls for as long as the leader does, and tells it when nobody waits any more', async () => {
    const asked = Promise.withResolvers<IncomingMessage>()
    await leads((request, response) => {
      response.writeHead(200).write('first')
      asked.resolve(request)
    })
    const { sent, answered } = open('/api/v1/nodes')
    sent.end()
    expect(await next(await answered)).toBe('first')
    const gone = once((await asked.promise).socket, 'close')
    sent.destroy()
    await gone
  })

  it('asks the leader nothing for who went away while there was none', async () => {
    const { sent, answered } = open('/edge/v1/nodes/x/report', 'PUT')
    sent.write('half')
    await expect.poll(() => looks).toBeGreaterThan(0)
    sent.destroy()
    await expect(answered).rejects.toThrow('socket hang up')
    let connections = 0
    const server = await leads((_, response) => void response.end('of a'))
    server.on('connection', () => connections++)
    const before = looks
    await expect.poll(() => looks).toBeGreaterThan(before)
    expect(await (await fetch(`${url}/edge/v1/x`)).text()).toBe('of a')
    expect(connections).toBe(1)
  })

  it('says when to come again if the leader is not there', async () => {
    const server = await leads(() => undefined)
    server.close()
    await once(server, 'close')
    const answer = await fetch(`${url}/edge/v1/nodes/x/assignment`)
    expect(answer.status).toBe(503)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(10)
    expect(await answer.json()).toMatchObject({ error: { code: 'unavailable' } })
  })

  it.each([
    [
      'answers without reading',
      (_: IncomingMessage, response: ServerResponse) => void response.writeHead(413).end(),
      413,
    ],
    ['breaks off', (request: IncomingMessage) => void request.socket.destroy(), 503],
  ])('takes the rest of a body if the leader %s, so that the connection goes on', async (_, handler, status) => {
    await leads((request, response) => {
      if (request.method === 'GET') response.end('second')
      else handler(request, response)
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const sent = sendRequest(`${url}/edge/v1/x/report`, { method: 'PUT', agent })
    const socket = once(sent, 'socket')
    sent.end(Buffer.alloc(8_000_000))
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    answer.resume()
    expect(answer.statusCode).toBe(status)
    const again = sendRequest(`${url}/edge/v1/x`, { agent, signal: AbortSignal.timeout(5000) }).end()
    const [other] = (await once(again, 'response')) as [IncomingMessage]
    expect(await next(other)).toBe('second')
    expect([again.socket]).toEqual(await socket)
    agent.destroy()
  })

  it('breaks off where the leader does', async () => {
    const server = await leads((_, response) => void response.writeHead(200, { 'content-length': '100' }).write('half'))
    const { sent, answered } = open('/api/v1/nodes')
    sent.end()
    const answer = await answered
    expect(await next(answer)).toBe('half')
    const broken = once(answer, 'error')
    server.closeAllConnections()
    await broken
  })

  it.each([
    ['PUT', 503, /does not answer/],
    ['GET', 200, /of c/],
  ])('waits no longer for a leader that stands still when there is another one (%s)', async (method, status, text) => {
    const asked = Promise.withResolvers<void>()
    await leads(() => asked.resolve())
    const answer = fetch(`${url}/edge/v1/nodes/x/assignment`, { method })
    await asked.promise
    await leads((_, response) => void response.end('of c'), { identity: 'c' })
    expect((await answer).status).toBe(status)
    expect(await (await answer).text()).toMatch(text)
  })

  it('passes nothing on that was passed on already', async () => {
    let requests = 0
    await leads((_, response) => {
      requests++
      response.end()
    })
    const answer = await fetch(`${url}/api/v1/nodes`, { headers: { 'stowage-forwarded': 'z' } })
    expect([answer.status, requests]).toEqual([503, 0])
  })

  it.each([
    ['whose Lease is over', { until: -1 }],
    ['that does not say where it is', { address: undefined }],
    ['whose address is none', { address: 'http://x' }],
  ])('asks no leader %s', async (_, more) => {
    let requests = 0
    await leads((_request, response) => {
      requests++
      response.end()
    }, more)
    expect([(await fetch(`${url}/api/v1/nodes`)).status, requests]).toEqual([503, 0])
  })
})

describe('a request that finds no leader', () => {
  it('waits a moment for one, with its body', async () => {
    const { sent, answered } = open('/edge/v1/nodes/x/report', 'PUT')
    sent.end('body')
    await expect.poll(() => looks).toBeGreaterThan(0)
    own = (request, response) => void request.pipe(response)
    expect(await next(await answered)).toBe('body')
  })

  it('is refused after that', async () => {
    const answer = await fetch(`${url}/edge/v1/nodes/x/assignment`)
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
  })
})

it('is the leader’s own answer where this process leads, whoever asks', async () => {
  const inner = fastify()
  inner.put('/edge/v1/nodes/:node/report', (request) => ({ node: request.params, body: request.body }))
  await inner.ready()
  own = (request, response) => inner.routing(request, response)
  for (const headers of [{}, { 'stowage-forwarded': 'z' }]) {
    const answer = await fetch(`${url}/edge/v1/nodes/x/report`, {
      method: 'PUT',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"a":1}',
    })
    expect(await answer.json()).toEqual({ node: { node: 'x' }, body: { a: 1 } })
  }
  expect((await fetch(`${url}/edge/v1/nothing`)).status).toBe(404)
  await inner.close()
})
