import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { basic, guardedRegistry } from '../testing/guarded-registry.ts'
import { silentLog } from '../testing/silent-log.ts'
import { allowAll } from './authorize.ts'
import { createMirrorServer, listen } from './mirror-server.ts'
import { registryRoutes } from './registry-routes.ts'

const content = Buffer.from(Array.from({ length: 1000 }, (_, n) => n % 251))
let app: FastifyInstance

beforeEach(() => {
  app = createMirrorServer()
  const store = createContentStore(createMemoryStore())
  void app.register(registryRoutes, { store, authorize: allowAll, log: silentLog })
})

describe('a part of a blob', () => {
  it('is exactly what the answer says it is, whatever was asked for', async () => {
    const url = `/v2/a/blobs/${digestOf(content)}`
    await app.inject({ method: 'POST', url: `/v2/a/blobs/uploads/?digest=${digestOf(content)}`, payload: content })
    const number = fc.oneof(
      fc.nat(1100).map(String),
      fc.constantFrom(
        '',
        '0',
        '999',
        '1000',
        '18446744073709551616',
        '9007199254740993',
        '-1',
        '+1',
        '1e3',
        '0x1',
        '٣',
      ),
    )
    const part = fc.tuple(number, number).map(([first, last]) => `${first}-${last}`)
    const range = fc.oneof(
      fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `bytes=${parts.join(',')}`),
      fc.string({ maxLength: 30 }).map((text) => `bytes=${text}`),
      part.map((text) => `items=${text}`),
    )
    await fc.assert(
      fc.asyncProperty(range, async (text) => {
        const { statusCode, headers, rawPayload } = await app.inject({ url, headers: { range: text } })
        if (statusCode === 416) return
        const said = /^bytes (\d+)-(\d+)\/1000$/.exec(String(headers['content-range'])) ?? []
        const [first, last] = statusCode === 206 ? [Number(said[1]), Number(said[2])] : [0, 999]
        expect([200, 206]).toContain(statusCode)
        expect(rawPayload.equals(content.subarray(first, last + 1))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})

describe('an upload', () => {
  it('ends as nothing but what its digest says, in whatever pieces and order it comes', async () => {
    const piece = fc.record({
      method: fc.constantFrom('PATCH', 'PATCH', 'PATCH', 'PUT', 'GET', 'DELETE'),
      bytes: fc.constantFrom(0, 1, 10, 990, 1000),
      range: fc.option(fc.oneof(fc.constantFrom('0-9', '10-999', '0-999', '5-', '-'), fc.string({ maxLength: 12 }))),
    })
    const digest = digestOf(content)
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        const begun = await app.inject({ method: 'POST', url: '/v2/a/blobs/uploads/' })
        const location = String(begun.headers['location'])
        for (const { method, bytes, range } of pieces) {
          const known = await app.inject({ url: location })
          const from = Number(/-(\d+)$/.exec(String(known.headers['range']))?.[1] ?? 0)
          const { statusCode } = await app.inject({
            method,
            url: method === 'PUT' ? `${location}?digest=${digest}` : location,
            payload: content.subarray(from > 0 ? from + 1 : 0).subarray(0, bytes),
            headers: {
              'content-type': 'application/octet-stream',
              ...(range === null ? {} : { 'content-range': range }),
            },
          })
          expect(statusCode).toBeLessThan(500)
          if (method !== 'PUT' || statusCode !== 201) continue
          const { rawPayload } = await app.inject({ url: `/v2/a/blobs/${digest}` })
          expect(rawPayload.equals(content)).toBe(true)
        }
      }),
      { numRuns: 100 },
    )
  })
})

describe('what strangers make up', () => {
  it('is not kept in memory', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const used = (): number => {
      collect()
      return process.memoryUsage().heapUsed
    }
    await using listening = await listen(guardedRegistry(), { host: '127.0.0.1', port: 0, graceMs: 0 })
    const agent = new Agent({ keepAlive: true, maxSockets: 4 })
    const { port } = listening.address
    async function send(path: string, { as, method = 'GET' }: { as?: string; method?: string } = {}): Promise<void> {
      const headers = { 'x-forwarded-for': `10.0.0.${n}`, ...(as === undefined ? {} : { authorization: as }) }
      const [answer] = (await once(request({ port, path, method, headers, agent }).end(), 'response')) as [
        IncomingMessage,
      ]
      await once(answer.resume(), 'end')
    }
    const long = 'x'.repeat(200)
    let n = 0
    async function round(): Promise<void> {
      for (let count = 0; count < 250; count++, n++) {
        const [repository, digest] = [`public/${long}/${n}`, digestOf(`${n}`)]
        await Promise.all([
          send(`/v2/${repository}/blobs/${digest}`),
          send(`/v2/${repository}/tags/list?last=${long}${n}`, { as: `Bearer stowage1.${long}.${n}` }),
          send(`/auth/token?scope=repository:${repository}:pull&service=${n}`),
          send(`/v2/${repository}/blobs/uploads/?mount=${digest}`, { method: 'POST', as: basic(`u${n}`, long) }),
        ])
      }
    }
    await round()
    const before = used()
    for (let rounds = 0; rounds < 3; rounds++) await round()
    expect(used() - before).toBeLessThan(3 * 1024 * 1024)
    agent.destroy()
  })
})
