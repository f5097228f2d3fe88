import { once } from 'node:events'
import { createServer, ServerResponse, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest'
import { createWholeAnswer } from './whole-answer.ts'

const head = ['content-type', 'application/json', 'content-length', '5', 'x-name', 'a b']
const body = '{"é"}'
let now: number
let server: Server
let isClosing: boolean
let writeHead: MockInstance<ServerResponse['writeHead']>

/** All that is answered to these requests on one connection, until the server closes it. */
async function say(...requests: string[]): Promise<string> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.setEncoding('latin1').end(requests.join(''))
  return await text(socket)
}

const ask = (...headers: string[]): string => ['GET / HTTP/1.1', 'host: x', ...headers, '', ''].join('\r\n')

const ofOldVersion = 'GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n'

const answersIn = (said: string): string[] => said.split(/(?=HTTP\/1\.1 )/)

const withoutTime = (answer: string): string => answer.replace(/^Date: .* GMT$/m, 'Date:')

beforeEach(async () => {
  now = Date.parse('2026-01-01T00:00:00.900Z')
  isClosing = false
  const whole = createWholeAnswer({ head, body, keepAliveMs: 7000, now: () => now })
  server = createServer({ keepAliveTimeout: 7000 }, (request, response) => {
    if (isClosing) response.setHeader('connection', 'close')
    whole.send(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  writeHead = vi.spyOn(ServerResponse.prototype, 'writeHead')
})

afterEach(() => {
  vi.restoreAllMocks()
  server.close()
})

const timesMadeByNode = (): number => writeHead.mock.calls.length

describe('a whole answer', () => {
  it('is what Node makes of the same headers and bytes', async () => {
    const ofNode = withoutTime(await say(ofOldVersion))
    expect(ofNode.endsWith(`\r\n\r\n${body}`)).toBe(true)
    for (const request of [ask(), ask(), ask('connection: Keep-Alive')]) {
      expect(withoutTime(await say(request))).toBe(ofNode)
    }
    expect(timesMadeByNode()).toBe(1)
    const atOnce = answersIn(await say(ask(), ask(), ask()))
    expect(atOnce.map(withoutTime)).toEqual([ofNode, ofNode, ofNode])
  })

  it.each([
    ['x-name', 'a\r\nset-cookie: b'],
    ['x-name', 'a\nb'],
    ['x-name', '\u0100'],
    ['x name', 'a'],
    ['x:', 'a'],
  ])('is not made of what is no header: %j, %j', (...wrong) => {
    expect(() => createWholeAnswer({ head: [...head, ...wrong], body, keepAliveMs: 7000 })).toThrow(TypeError)
  })

  it('says when it was given, to the second', async () => {
    const dateOf = async () => /^Date: (.*)\r$/m.exec(await say(ask()))?.[1]
    expect(await dateOf()).toBe('Thu, 01 Jan 2026 00:00:00 GMT')
    now += 100
    expect(await dateOf()).toBe('Thu, 01 Jan 2026 00:00:01 GMT')
    expect(timesMadeByNode()).toBe(0)
  })

  it.each([
    ['ends its connection', ask('connection: close'), 'close'],
    ['ends its connection otherwise', ask('proxy-connection: close'), 'close'],
    ['ends and keeps its connection', ask('connection: keep-alive', 'proxy-connection: close'), 'close'],
    ['is of an old version', 'GET / HTTP/1.0\r\n\r\n', 'close'],
    ['is of an old version and stays', ofOldVersion, 'keep-alive'],
    ['wants to be told to go on', ask('expect: 100-continue'), 'keep-alive'],
  ])('is left to Node where a request %s', async (_, request, connection) => {
    const said = answersIn(await say(request)).at(-1)!
    expect(said).toContain(`\r\nConnection: ${connection}\r\n`)
    expect(said).toContain(body)
    expect(timesMadeByNode()).toBe(1)
  })

  it('is left to Node where the server says something else of the connection', async () => {
    isClosing = true
    const said = await say(ask(), ask())
    expect(answersIn(said)).toHaveLength(1)
    expect(said).toContain('\r\nconnection: close\r\n')
  })
})
