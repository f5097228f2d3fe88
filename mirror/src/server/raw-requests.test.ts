import { connect } from 'node:net'
import * as fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { isKey } from '../store/object-key.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { allowAll } from './authorize.ts'
import { createMirrorServer, listen, type Listening } from './mirror-server.ts'
import { registryRoutes } from './registry-routes.ts'

const digest = digestOf('x')
let objects: ObjectStore
let listening: Listening
let lines: string[] = []

beforeAll(async () => {
  objects = createMemoryStore()
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  const app = createMirrorServer()
  await app.register(registryRoutes, { store: createContentStore(objects), authorize: allowAll, log })
  listening = await listen(app, { host: '127.0.0.1', port: 0, graceMs: 0 })
})
afterAll(() => listening[Symbol.asyncDispose]())

/** Sends bytes as they are, then says that no more will come; all that is answered until the server closes. */
async function send(request: string | Uint8Array): Promise<string> {
  const socket = connect(listening.address.port, '127.0.0.1')
  socket.end(request)
  const chunks: Buffer[] = []
  try {
    for await (const chunk of socket) chunks.push(chunk as Buffer)
  } catch {
    // A server may cut who sends nonsense.
  }
  return Buffer.concat(chunks).toString('latin1')
}

const statusesIn = (answer: string): number[] =>
  [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

const smuggled = 'DELETE /v2/smuggled/manifests/v1 HTTP/1.1\r\nhost: x\r\n\r\n'
const post = 'POST /v2/a/blobs/uploads/ HTTP/1.1\r\nhost: x\r\n'

describe('a request whose end can be read in two ways', () => {
  it.each([
    ['with a length and chunks', `${post}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['with chunks and a length', `${post}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n${smuggled}`],
    ['with two lengths', `${post}content-length: 0\r\ncontent-length: ${smuggled.length}\r\n\r\n${smuggled}`],
    ['with a list of lengths', `${post}content-length: 0, 5\r\n\r\n${smuggled}`],
    ['with a signed length', `${post}content-length: +0\r\n\r\n${smuggled}`],
    ['with a length in hex', `${post}content-length: 0x0\r\n\r\n${smuggled}`],
    [
      'with chunks in the middle of encodings',
      `${post}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    ['with an unknown encoding', `${post}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['with a blank before the colon', `${post}transfer-encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['with a folded header', `${post}x: y\r\n transfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['with a bare line feed in its head', `${post}x: y\ncontent-length: 0\r\n\r\n${smuggled}`],
    ['with a bare carriage return in its head', `${post}x: y\rcontent-length: 0\r\n\r\n${smuggled}`],
    ['with a zero byte in its head', `${post}x: y\0\r\ncontent-length: 0\r\n\r\n${smuggled}`],
    ['with a chunk of no size', `${post}transfer-encoding: chunked\r\n\r\n\r\n\r\n${smuggled}`],
    [
      'with a chunk size that overflows',
      `${post}transfer-encoding: chunked\r\n\r\n${'f'.repeat(17)}\r\n\r\n${smuggled}`,
    ],
    ['with a line feed behind a chunk size', `${post}transfer-encoding: chunked\r\n\r\n0\n\n${smuggled}`],
  ])('%s is refused, and what follows is not carried out', async (_, request) => {
    lines = []
    const statuses = statusesIn(await send(request))
    expect(statuses.length).toBeLessThanOrEqual(2)
    expect(statuses.at(-1)).toBe(400)
    expect(lines.join('')).not.toContain('smuggled')
  })

  it('is not one that has a body where none is looked for', async () => {
    lines = []
    const get = `GET /v2/ HTTP/1.1\r\nhost: x\r\ncontent-length: ${smuggled.length}\r\n\r\n`
    expect(statusesIn(await send(`${get}${smuggled}${get}${smuggled}`))).toEqual([200, 200])
    expect(lines.join('')).not.toContain('smuggled')
  })

  it('leaves requests that follow each other in order', async () => {
    const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`
    const answer = await send(get('/v2/') + get('/v2/a/tags/nothing') + get('/v2/_catalog'))
    expect(statusesIn(answer)).toEqual([200, 404, 200])
  })
})

describe('a request that is too large', () => {
  it.each([
    ['in one header', `x: ${'y'.repeat(40_000)}`],
    ['in all headers together', Array.from({ length: 1500 }, (_, n) => `x-${n}: ${'y'.repeat(40)}`).join('\r\n')],
  ])('%s is told so', async (_, headers) => {
    expect(statusesIn(await send(`GET /v2/ HTTP/1.1\r\nhost: x\r\n${headers}\r\n\r\n`))).toEqual([431])
  })

  it('in its path is refused', async () => {
    const [status] = statusesIn(await send(`GET /v2/${'a/'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`))
    expect([400, 414, 431]).toContain(status)
  })

  it('as a manifest is told so before it was sent', async () => {
    const head = `PUT /v2/a/manifests/v1 HTTP/1.1\r\nhost: x\r\ncontent-length: ${2 ** 40}\r\n\r\n`
    expect(statusesIn(await send(head))[0]).toBe(413)
  })
})

describe('a path', () => {
  it.each([
    '/v2/../../etc/passwd',
    '/v2/a/../../blobs/x/tags/list',
    '/v2/%2e%2e/%2e%2e/etc/passwd/tags/list',
    '/v2/a%2f..%2f../tags/list',
    '/v2/a%00/tags/list',
    '/v2/a\\..\\b/tags/list',
    '/v2//a/tags/list',
    `/v2/a/blobs/sha256:../../${'a'.repeat(64)}`,
    '/v2/a/blobs/uploads/..',
    '/v2/a/manifests/..',
    'http://elsewhere/v2/../x',
    '*',
    '',
  ])('%j leads nowhere', async (path) => {
    const [status] = statusesIn(await send(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`))
    expect([400, 404, 405, 416]).toContain(status)
  })

  it('and whatever else a client makes up gets an answer, and writes under no other keys than it should', async () => {
    const word = fc.oneof(
      fc.constantFrom('v2', 'a', '..', '.', '', '%2e%2e', '%2F', '%00', '%', 'blobs', 'uploads', 'manifests', 'tags'),
      fc.constantFrom('list', 'referrers', '_catalog', digest, 'v1', '_links', 'ä', '\\', ';', '*'),
      fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/[\r\n]/g, '')),
    )
    const query = fc.oneof(
      fc.constant(''),
      fc.constantFrom(
        `?digest=${digest}`,
        '?digest=sha256:..',
        '?mount=x',
        `?mount=${digest}&from=../a`,
        '?n=1e9',
        '?last=%00',
      ),
      fc.string({ maxLength: 20 }).map((text) => `?${text.replaceAll(/[\r\n ]/g, '')}`),
    )
    const header = fc.oneof(
      fc.constantFrom(
        '',
        'range: bytes=0-',
        'range: bytes=--5',
        'content-range: 5-3',
        'content-range: 0-99999999999999999999',
      ),
      fc.constantFrom(
        'if-none-match: *',
        'content-type: application/vnd.oci.image.index.v1+json',
        'authorization: Basic',
      ),
      fc.string({ maxLength: 30 }).map((text) => `x: ${text.replaceAll(/[\r\n]/g, '')}`),
    )
    const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'X')
    let answered = 0
    const request = fc.tuple(method, fc.array(word, { maxLength: 7 }), query, header, fc.string({ maxLength: 40 }))
    await fc.assert(
      fc.asyncProperty(request, async ([verb, words, asked, headers, body]) => {
        const path = `/v2/${words.join('/')}${asked}`
        const bytes = Buffer.from(body)
        const head = `${verb} ${path} HTTP/1.1\r\nhost: x\r\n${headers}${headers ? '\r\n' : ''}`
        const answer = await send(Buffer.concat([Buffer.from(`${head}content-length: ${bytes.length}\r\n\r\n`), bytes]))
        for (const status of statusesIn(answer)) expect(status).toBeLessThan(500)
        answered += statusesIn(answer).length
      }),
      { numRuns: 300 },
    )
    expect(answered).toBeGreaterThan(250)
    for await (const { key } of objects.list('')) expect(isKey(key)).toBe(true)
    expect(lines.filter((line) => (JSON.parse(line) as { level: number }).level >= 50)).toEqual([])
  })

  it('need not even be one: bytes of any kind end in an answer or a cut', async () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.concat([Buffer.from(post), bytes])),
    )
    await fc.assert(
      fc.asyncProperty(noise, async (bytes) => {
        for (const status of statusesIn(await send(bytes))) expect(status).toBeLessThan(500)
      }),
      { numRuns: 200 },
    )
    expect(statusesIn(await send('GET /v2/ HTTP/1.1\r\nhost: x\r\n\r\n'))).toEqual([200])
  })
})
