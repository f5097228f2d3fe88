import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createHttpMeter } from './http-meter.ts'

interface Exchange {
  readonly up: string
  readonly down: string
}

/** What a meter tells of a connection whose bytes come in pieces of these sizes. */
function metered({ up, down }: Exchange, sizes: readonly number[] = [Infinity]): string[] {
  const told: string[] = []
  const add = (line: string): void => void told.push(line)
  const meter = createHttpMeter({
    onAnswer: ({ method, path, status }) => add(`${method} ${path} ${status} 0`),
    onBody: (_, bytes) => {
      const [, head = '', before] = /^(.*) (\d+)$/.exec(told.pop()!) ?? []
      add(`${head} ${Number(before) + bytes}`)
    },
    onUnreadable: () => add('unreadable'),
  })
  for (const piece of inPieces(up, sizes)) meter.up(piece)
  for (const piece of inPieces(down, sizes)) meter.down(piece)
  return told
}

function* inPieces(text: string, sizes: readonly number[]): Generator<Buffer> {
  const bytes = Buffer.from(text)
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length]!
    yield bytes.subarray(at, at + size)
    at += size
  }
}

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
const ok = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

const table: [string, Exchange, string[]][] = [
  ['a body of known length', { up: get('/a'), down: ok('12345') }, ['GET /a 200 5']],
  ['a body that broke off', { up: get('/a'), down: ok('12345').slice(0, -2) }, ['GET /a 200 3']],
  [
    'answers on one connection',
    { up: get('/a') + get('/b'), down: ok('1') + ok('22') },
    ['GET /a 200 1', 'GET /b 200 2'],
  ],
  [
    'chunks without their framing',
    {
      up: get('/a') + get('/b'),
      down: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: x\r\n\r\n${ok('b')}`,
    },
    ['GET /a 200 13', 'GET /b 200 1'],
  ],
  [
    'no body for HEAD',
    { up: `HEAD /a HTTP/1.1\r\n\r\n${get('/b')}`, down: `HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n${ok('1')}` },
    ['HEAD /a 200 0', 'GET /b 200 1'],
  ],
  [
    'no body for 304 and 204',
    {
      up: get('/a') + get('/b') + get('/c'),
      down: `HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n${ok('1')}`,
    },
    ['GET /a 304 0', 'GET /b 204 0', 'GET /c 200 1'],
  ],
  [
    'the final answer only, not 100',
    {
      up: 'PUT /a HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nGET ',
      down: `HTTP/1.1 100 Continue\r\n\r\n${ok('1')}`,
    },
    ['PUT /a 200 1'],
  ],
  [
    'requests behind a request body',
    { up: `POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET / HTT${get('/b')}`, down: ok('') + ok('22') },
    ['POST /a 200 0', 'GET /b 200 2'],
  ],
  [
    'all until the end without a length',
    { up: get('/a'), down: 'HTTP/1.0 200 OK\r\n\r\nrest\r\n\r\n' },
    ['GET /a 200 8'],
  ],
  ['paths without host and query', { up: get('http://h:1/a?token=x'), down: ok('1') }, ['GET /a 200 1']],
  ['an answer that nobody asked for', { up: '', down: ok('1') }, ['NOTHING / 200 1']],
  [
    'nothing of an upgraded connection',
    { up: get('/a'), down: 'HTTP/1.1 101 x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nabc' },
    [],
  ],
]

describe('the HTTP meter', () => {
  it.each(table)('counts %s', (_, exchange, told) => {
    expect(metered(exchange)).toEqual(told)
  })

  it('counts the same however the bytes are cut into pieces', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.constantFrom(...table), sizes, ([, exchange, told], pieces) => {
        expect(metered(exchange, pieces)).toEqual(told)
      }),
    )
  })

  it.each([
    ['TLS', '\x16\x03\x01\x02\x00\x01'],
    ['another protocol', 'SSH-2.0-OpenSSH_9\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a length that is none', 'GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n'],
  ])('says once that it cannot read %s', (_, up) => {
    expect(metered({ up, down: up }, [1])).toEqual(['unreadable'])
  })
})
