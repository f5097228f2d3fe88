import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Report } from '@stowage/mirror/edge/report'
import { openTransport, type Transport } from '@stowage/mirror/registry/transport'
import type { Centre } from './centre.ts'
import { createCentreClient } from './centre-client.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

let handle: Handler
let requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[]
let server: ReturnType<typeof createServer>
let transport: Transport
let centre: Centre

beforeEach(async () => {
  requests = []
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
      handle(request, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  transport = openTransport({ timeouts: { headersMs: 60_000 } })
  const { port } = server.address() as AddressInfo
  centre = createCentreClient({ central: `http://127.0.0.1:${port}`, transport, reportTimeoutMs: 500 })
})
afterEach(async () => {
  await transport[Symbol.asyncDispose]()
  server.closeAllConnections()
  server.close()
})

const { signal } = new AbortController()
const report = { version: 1, node: 'edge-1', counter: 7 } as Report
const assignment = { version: 1, node: 'edge-1', epoch: 'e', sequence: 3, entries: [] }
const answer =
  (status: number, body = '', headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(status, headers).end(body)
  }
const ask = (known?: string) => centre.nextAssignment({ node: 'edge-1', known, holdMs: 50_000 }, signal)

describe('a report', () => {
  it('is put where the node’s reports belong, and brings the version to be known', async () => {
    handle = answer(200, '{"assignment":"e/3"}')
    expect(await centre.report(report, signal)).toMatchObject({ assignment: 'e/3' })
    expect(requests).toMatchObject([
      { method: 'PUT', url: '/edge/v1/nodes/edge-1/report', body: JSON.stringify(report) },
    ])
  })

  it('may bring no version', async () => {
    handle = answer(200, '{"assignment":null}')
    expect(await centre.report(report, signal)).toMatchObject({ assignment: undefined })
  })

  it.each([
    ['Sun, 06 Nov 1994 08:49:37 GMT', 784111777000],
    ['yesterday', undefined],
  ])("tells the centre's time: %s", async (date, expected) => {
    handle = answer(200, '{"assignment":null}', { date })
    expect(await centre.report(report, signal)).toMatchObject({ date: expected })
  })

  it.each([
    [
      'another instance lives',
      answer(409, '{"error":{"code":"conflict","message":"node edge-1 is taken"}}'),
      'conflict',
      'node edge-1 is taken',
    ],
    [
      'the report is not understood',
      answer(400, '{"error":{"message":"report: images"}}'),
      'invalid',
      'report: images',
    ],
    ['the way is barred', answer(403, '<html>'), 'denied', /answered 403/],
    ['the centre is ill', answer(503, 'x', { 'retry-after': '7' }), 'unavailable', /answered 503/],
    ['it is no centre', answer(200, '<html>'), 'invalid', /is it a centre/],
    ['the receipt is none', answer(200, '{"ok":true}'), 'invalid', /not a centre's/],
    [
      'the answer is without end',
      (_: IncomingMessage, response: ServerResponse) => void response.end('x'.repeat(5e6)),
      'invalid',
      /longer than/,
    ],
    ['the connection is cut', (request: IncomingMessage) => void request.socket.destroy(), 'unavailable', /cut/],
    [
      'the answer stops in the middle',
      (_: IncomingMessage, response: ServerResponse) => void response.writeHead(200).write('{'),
      'unavailable',
      /no answer within 0.5 s/,
    ],
    ['nobody answers', () => {}, 'unavailable', /no answer within 0.5 s/],
  ] satisfies [string, Handler, string, string | RegExp][])(
    'fails with words where %s',
    async (_, handler, code, message) => {
      handle = handler
      await expect(centre.report(report, signal)).rejects.toMatchObject({
        code,
        message: typeof message === 'string' ? message : expect.stringMatching(message),
      })
    },
  )

  it('keeps how long the centre asked to wait', async () => {
    handle = answer(429, '', { 'retry-after': '7' })
    await expect(centre.report(report, signal)).rejects.toMatchObject({ retryAfterMs: 7000 })
  })
})

describe('a connection that died unnoticed', () => {
  const receipt = answer(200, '{"assignment":"e/3"}')
  const patient = (doubtAfterMs: number): Centre => {
    const { port } = server.address() as AddressInfo
    return createCentreClient({ central: `http://127.0.0.1:${port}`, transport, doubtAfterMs })
  }

  it('costs a report the time that another one needs, not all that it may take', async () => {
    const dead = new Set<unknown>()
    handle = (request, response) => {
      if (!dead.has(request.socket)) receipt(request, response)
      if (requests.length === 1) dead.add(request.socket)
    }
    centre = patient(50)
    await centre.report(report, signal)
    await new Promise(setImmediate) // Until then the connection is not free.
    expect(await centre.report(report, signal)).toMatchObject({ assignment: 'e/3' })
    expect(requests).toHaveLength(3)
  })

  it('is not suspected where answers take their time', async () => {
    let delayMs = 300
    handle = (request, response) => void setTimeout(() => receipt(request, response), delayMs)
    centre = patient(1)
    await centre.report(report, signal)
    delayMs = 350
    await centre.report(report, signal)
    expect(requests).toHaveLength(2)
  })
})

describe('an assignment', () => {
  it('is waited for, with the version that is known', async () => {
    handle = answer(200, JSON.stringify(assignment))
    expect(await ask('e/2')).toEqual(assignment)
    expect(requests).toMatchObject([
      { url: '/edge/v1/nodes/edge-1/assignment?wait=50', headers: { 'if-none-match': '"e/2"' } },
    ])
  })

  it('is the same as before, or there is none', async () => {
    handle = answer(304)
    expect(await ask('e/3')).toBe('same')
    handle = answer(404, '{"error":{"message":"node edge-1 is not known"}}')
    expect(await ask()).toBe('none')
  })

  it.each([
    ['garbage', 'garbage'],
    ['of another shape', '{"version":2}'],
    ['null', 'null'],
  ])('that is %s is a fault', async (_, body) => {
    handle = answer(200, body)
    await expect(ask()).rejects.toMatchObject({ code: 'invalid' })
  })

  it('is not waited for any more when the signal fires', async () => {
    const controller = new AbortController()
    handle = () => controller.abort(new Error('stopped'))
    const asked = centre.nextAssignment({ node: 'edge-1', known: undefined, holdMs: 50_000 }, controller.signal)
    await expect(asked).rejects.toThrow('stopped')
  })
})

it('refuses what is no address of a centre', () => {
  expect(() => createCentreClient({ central: 'centre:5080', transport })).toThrow(/is not the URL of a centre/)
})
