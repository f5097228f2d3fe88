import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createKubeApi, type KubeApi, type KubeRequest } from './kube-api.ts'
import { readKubeConfig } from './kube-config.ts'

/** Asks a server that answers so. */
async function withServer<T>(
  answer: RequestListener,
  ask: (api: KubeApi) => Promise<T>,
  silenceMs = 60_000,
): Promise<T> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const master = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const config = readKubeConfig({ kubeconfig: undefined, master, isInCluster: false })
  using api = createKubeApi({ config, userAgent: 'stowage/test', silenceMs })
  try {
    return await ask(api)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const { signal } = new AbortController()
const get: KubeRequest = { method: 'GET', path: '/api/v1/nodes', query: { limit: '1', continue: undefined }, signal }

async function linesOf(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const lines: unknown[] = []
  for await (const line of stream) lines.push(line)
  return lines
}

describe('an API server', () => {
  it('is asked with our name, and gives what it answered', async () => {
    const answer = await withServer(
      ({ url, headers }, response) => response.end(JSON.stringify({ url, agent: headers['user-agent'] })),
      (api) => api.request(get),
    )
    expect(answer).toEqual({ url: '/api/v1/nodes?limit=1', agent: 'stowage/test' })
  })

  it('is not asked to change anything by who may not write any more', async () => {
    let mayWrite = true
    const server = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const master = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const config = readKubeConfig({ kubeconfig: undefined, master, isInCluster: false })
    using api = createKubeApi({ config, userAgent: 'stowage/test', mayWrite: () => mayWrite })
    await api.request({ ...get, method: 'PATCH', body: {} })
    mayWrite = false
    await expect(api.request({ ...get, method: 'PATCH', body: {} })).rejects.toMatchObject({ code: 'unavailable' })
    await api.request(get)
    server.closeAllConnections()
    server.close()
  })

  it.each([
    [403, 'denied'],
    [404, 'not-found'],
    [409, 'conflict'],
    [410, 'conflict'],
    [422, 'invalid'],
    [429, 'unavailable'],
    [500, 'unavailable'],
  ])('that refuses with %i makes a fault of code %s, in its own words', async (status, code) => {
    const body = { kind: 'Status', message: 'so it said', details: { retryAfterSeconds: 3 } }
    const asking = withServer(
      (_, response) => response.writeHead(status).end(JSON.stringify(body)),
      (api) => api.request(get),
    )
    const expected = { code, message: 'GET /api/v1/nodes: so it said', retryAfterMs: 3000, details: { status } }
    await expect(asking).rejects.toMatchObject(expected)
  })

  it.each([
    ['is not there', (_: unknown, response: { destroy(): void }) => response.destroy()],
    ['answers in HTML', (_: unknown, response: { end(text: string): void }) => response.end('<html>')],
  ])('that %s is unavailable', async (_, answer) => {
    const asking = withServer(answer as unknown as RequestListener, (api) => api.request(get))
    await expect(asking).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('streams what it has to tell, line by line, until it ends it', async () => {
    const lines = await withServer(
      (_, response) => response.end('{"a":1}\n{"a":2}\n'),
      async (api) => linesOf(await api.stream(get)),
    )
    expect(lines).toEqual([{ a: 1 }, { a: 2 }])
  })

  it('that breaks off a stream, or falls silent in it, is unavailable', async () => {
    const breaking = withServer(
      (_, response) => response.write('{"a":1}\n{"a"', () => response.destroy()),
      async (api) => linesOf(await api.stream(get)),
    )
    await expect(breaking).rejects.toMatchObject({ code: 'unavailable' })
    const silent = withServer(
      (_, response) => void response.write('{"a":1}\n'),
      async (api) => linesOf(await api.stream(get)),
      50,
    )
    await expect(silent).rejects.toMatchObject({ code: 'unavailable' })
  })
})
