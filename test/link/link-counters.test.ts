import { Agent, request, type RequestListener } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { createLinkBench, dataOf, settled } from './link-bench.ts'

const bench = createLinkBench()
const { serveHttp, linkTo } = bench
afterEach(() => bench.closeAll())

const blobPath = `/v2/team/app/blobs/sha256:${'ab'.repeat(32)}`

/** Serves the blob whole or in part, with a length or in chunks; anything else is a short text. */
function blobListener(blob: Buffer): RequestListener {
  return ({ url = '', headers }, response) => {
    if (!url.startsWith(blobPath)) return void response.end('manifest')
    const from = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0)
    response.statusCode = from > 0 ? 206 : 200
    if (url.endsWith('?chunked')) response.write(blob.subarray(from, from + 10))
    else response.setHeader('content-length', blob.length - from)
    response.end(url.endsWith('?chunked') ? blob.subarray(from + 10) : blob.subarray(from))
  }
}

interface Download {
  readonly bytes: () => number
  readonly over: Promise<string>
}

function download(url: string, agent: Agent, headers: Record<string, string> = {}): Download {
  let bytes = 0
  const over = Promise.withResolvers<string>()
  const asked = request(url, { agent, headers }, (response) => {
    response.on('data', (chunk: Buffer) => (bytes += chunk.length))
    response.on('end', () => over.resolve('end'))
    response.on('error', (error: NodeJS.ErrnoException) => over.resolve(error.code ?? error.message))
  })
  asked.on('error', (error: NodeJS.ErrnoException) => over.resolve(error.code ?? error.message))
  asked.end()
  return { bytes: () => bytes, over: over.promise }
}

describe('the count of blob bytes', () => {
  const agentOf = (): Agent => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    bench.onClose(() => agent.destroy())
    return agent
  }

  it('equals what a client got over one connection, by digest, headers and other bodies apart', async () => {
    const link = await linkTo(await serveHttp(blobListener(dataOf(700_000))))
    const agent = agentOf()
    const downloads = [
      download(`${link.url}${blobPath}`, agent),
      download(`${link.url}/v2/team/app/manifests/v1`, agent),
      download(`${link.url}${blobPath}?chunked`, agent),
      download(`${link.url}${blobPath}`, agent, { range: 'bytes=600000-' }),
    ]
    await Promise.all(downloads.map(({ over }) => over))
    expect(downloads.map(({ bytes }) => bytes())).toEqual([700_000, 8, 700_000, 100_000])
    const { total } = await link.stats()
    expect(total).toMatchObject({ connections: 1, unreadable: 0, blobBytes: 1_500_000 })
    expect(total.blobs).toEqual({ [`sha256:${'ab'.repeat(32)}`]: { responses: 3, bytes: 1_500_000 } })
    expect(total.bodies['GET /v2/team/app/manifests/v1']).toEqual({ responses: 1, bytes: 8 })
    expect(total.downBytes).toBeGreaterThan(1_500_008)
  })

  it('equals what a client got when the link fell silent in mid-body', async () => {
    const link = await linkTo(await serveHttp(blobListener(dataOf(5_000_000))), { rate: 10_000_000, delayMs: 10 })
    await link.plan({ cuts: [{ mode: 'silence', forget: true, afterDownBytes: 1_234_567, durationMs: 60_000 }] })
    const { bytes } = download(`${link.url}${blobPath}`, agentOf())
    await eventually(async () => (await link.stats()).state === 'silence')
    const { total } = await link.stats()
    expect(total.downBytes).toBe(1_234_567)
    expect(total.blobBytes).toBeLessThan(1_234_567)
    await eventually(() => bytes() === total.blobBytes)
    expect(await settled(bytes)).toBe(total.blobBytes)
  })

  it('is never less than what a client got when connections were reset', async () => {
    const blob = dataOf(5_000_000)
    const link = await linkTo(await serveHttp(blobListener(blob)), { rate: 20_000_000 })
    await link.plan({ cuts: [{ mode: 'reset', afterDownBytes: 700_000, durationMs: 5 }], repeat: true })
    let got = 0
    while (got < blob.length) {
      const { bytes, over } = download(`${link.url}${blobPath}`, agentOf(), { range: `bytes=${got}-` })
      await over
      got += bytes()
    }
    const { total, cuts } = await link.stats()
    expect(cuts).toBeGreaterThanOrEqual(7)
    expect(total.blobBytes).toBeGreaterThanOrEqual(blob.length)
    expect(total.blobBytes).toBeLessThan(total.downBytes)
  })

  it('leaves out errors, and uploads', async () => {
    const link = await linkTo(
      await serveHttp((incoming, response) => {
        incoming.resume().on('end', () => {
          response.statusCode = incoming.method === 'GET' ? 404 : 201
          response.end('no such blob')
        })
      }),
    )
    expect(await (await fetch(`${link.url}${blobPath}`)).text()).toBe('no such blob')
    await (await fetch(`${link.url}/v2/a/blobs/uploads/1`, { method: 'PUT', body: 'x'.repeat(1000) })).text()
    const { total } = await link.stats()
    expect([total.blobBytes, total.blobs]).toEqual([0, {}])
    expect(total.bodies[`GET ${blobPath}`]).toEqual({ responses: 1, bytes: 12 })
  })
})
