import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pino } from 'pino'
import type { Meter } from '../metrics/meter.ts'
import { digestOf } from '../oci/digest.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { allowAll } from './authorize.ts'
import { createMirrorServer, listen, type Listening } from './mirror-server.ts'
import { registryRoutes } from './registry-routes.ts'

const large = Buffer.alloc(600 * 1024, 'x')
const small = Buffer.from('small')

describe('a server that counts', () => {
  const added: [name: string, labels: Record<string, string>, by: number][] = []
  const observed: string[] = []
  const meter: Meter = {
    add: ({ name }, labels, by = 1) => void added.push([name, labels, by]),
    observe: ({ name }, labels) => void observed.push(`${name} ${JSON.stringify(labels)}`),
  }
  const requests = () => added.filter(([name]) => name === 'stowage_http_requests_total').map(([, labels]) => labels)
  const bytes = () => added.filter(([name]) => name === 'stowage_mirror_served_bytes_total')
  let listening: Listening

  beforeEach(async () => {
    added.length = 0
    observed.length = 0
    const store = createContentStore(createMemoryStore())
    const repository = store.repository('a/blobs/b')
    for (const content of [large, small]) {
      await using ingest = await repository.ingest({
        mediaType: 'x/y',
        digest: digestOf(content),
        size: content.length,
      })
      await ingest?.write(
        (async function* () {
          yield content
        })(),
      )
      await ingest?.commit()
    }
    const app = createMirrorServer({ meter })
    await app.register(registryRoutes, { store, authorize: allowAll, log: pino({ level: 'silent' }), meter })
    listening = await listen(app, { host: '127.0.0.1', port: 0 })
  })
  afterEach(() => listening[Symbol.asyncDispose]())

  async function ask(path: string, init: RequestInit = {}): Promise<number> {
    const before = requests().length
    const answer = await fetch(`${listening.url}${path}`, init)
    const size = answer.body ? (await buffer(answer.body)).length : 0
    await expect.poll(() => requests()).toHaveLength(before + 1)
    return size
  }

  it('names paths by their pattern, whatever clients make up', async () => {
    const paths = ['/v2/', '/v2/a/blobs/b/manifests/v1', '/v2/a/blobs/b/tags/list', '/v2/x/UP/down', '/else/where']
    for (const path of paths) await ask(path)
    expect(requests()).toEqual([
      { route: '/v2/', method: 'GET', code: '200' },
      { route: '/v2/:name/manifests/:reference', method: 'GET', code: '404' },
      { route: '/v2/:name/tags/list', method: 'GET', code: '200' },
      { route: '/v2/*', method: 'GET', code: '404' },
      { route: 'none', method: 'GET', code: '404' },
    ])
    expect(observed).toContain('stowage_http_request_duration_seconds {"route":"/v2/","method":"GET"}')
  })

  it('counts the bytes of content that it sends, streamed or not, and nothing else', async () => {
    const blob = (content: Buffer) => `/v2/a/blobs/b/blobs/${digestOf(content)}`
    await ask(blob(small))
    expect(bytes()).toEqual([['stowage_mirror_served_bytes_total', { kind: 'blob' }, small.length]])
    expect(await ask(blob(large))).toBe(large.length)
    const sum = () => bytes().reduce((total, [, , by]) => total + by, 0)
    expect(sum()).toBe(small.length + large.length)
    await ask(blob(large), { headers: { range: 'bytes=0-9' } })
    expect(sum()).toBe(small.length + large.length + 10)
    await ask(blob(large), { method: 'HEAD' })
    await ask('/v2/_catalog')
    await ask(`/v2/a/blobs/b/blobs/${digestOf(Buffer.from('absent'))}`)
    expect(sum()).toBe(small.length + large.length + 10)
    expect(requests().at(1)).toMatchObject({ route: '/v2/:name/blobs/:digest', code: '200' })
  })
})
