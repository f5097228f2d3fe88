import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { beforeEach, describe, expect, it } from 'vitest'
import { digestOf, hexOf } from '../oci/digest.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { allowAll } from './authorize.ts'
import { createMirrorServer } from './mirror-server.ts'
import { registryRoutes } from './registry-routes.ts'

const small = Buffer.from('0123456789')
const large = Buffer.from(Array.from({ length: 700_000 }, (_, index) => index % 251))
let app: FastifyInstance
let objects: ObjectStore

beforeEach(() => {
  app = createMirrorServer()
  objects = createMemoryStore()
  const store = createContentStore(objects)
  void app.register(registryRoutes, { store, authorize: allowAll, log: pino({ level: 'silent' }) })
})

const push = (payload: Buffer) =>
  app.inject({ method: 'POST', url: `/v2/a/blobs/uploads/?digest=${digestOf(payload)}`, payload })
const get = (payload: Buffer, range?: string) =>
  app.inject({ method: 'GET', url: `/v2/a/blobs/${digestOf(payload)}`, headers: range ? { range } : {} })

describe('blobs', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a few bytes', small],
    ['many bytes', large],
  ])('gives back %s', async (_, bytes) => {
    expect((await push(bytes)).statusCode).toBe(201)
    const response = await get(bytes)
    expect(response.statusCode).toBe(200)
    expect(response.rawPayload.equals(bytes)).toBe(true)
    expect(response.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': String(bytes.length),
      'docker-content-digest': digestOf(bytes),
      'accept-ranges': 'bytes',
    })
    const head = await app.inject({ method: 'HEAD', url: `/v2/a/blobs/${digestOf(bytes)}` })
    expect(head.rawPayload).toHaveLength(0)
    const { date: _date, connection: _connection, ...headers } = response.headers
    expect(head.headers).toMatchObject(headers)
  })

  it.each<[string, number, number]>([
    ['bytes=2-4', 2, 5],
    ['bytes=4-', 4, 10],
    ['bytes=-3', 7, 10],
    ['bytes=5-500', 5, 10],
  ])('gives the part that %s names', async (range, start, end) => {
    await push(small)
    const response = await get(small, range)
    expect(response.statusCode).toBe(206)
    expect(response.headers['content-range']).toBe(`bytes ${start}-${end - 1}/10`)
    expect(response.headers['content-length']).toBe(String(end - start))
    expect(response.rawPayload.equals(small.subarray(start, end))).toBe(true)
  })

  it('gives a large part', async () => {
    await push(large)
    const response = await get(large, 'bytes=100000-')
    expect(response.statusCode).toBe(206)
    expect(response.rawPayload.equals(large.subarray(100_000))).toBe(true)
  })

  it.each(['bytes=10-', 'bytes=5-3'])('refuses %s with the true size', async (range) => {
    await push(small)
    const response = await get(small, range)
    expect(response.statusCode).toBe(416)
    expect(response.headers['content-range']).toBe('bytes */10')
  })

  it.each(['GET', 'HEAD'] as const)('answers %s of who has it already with its name alone', async (method) => {
    await push(small)
    const tagged = async (etag: string, range = '') =>
      app.inject({
        method,
        url: `/v2/a/blobs/${digestOf(small)}`,
        headers: { 'if-none-match': etag, ...(range && { range }) },
      })
    const etag = `"${digestOf(small)}"`
    for (const known of [etag, '*', `"x", W/${etag}`]) {
      const { statusCode, headers, rawPayload } = await tagged(known, 'bytes=2-4')
      expect([statusCode, headers['etag'], rawPayload.length]).toEqual([304, etag, 0])
    }
    expect((await tagged('"x"')).statusCode).toBe(200)
    const elsewhere = await app.inject({
      method,
      url: `/v2/b/blobs/${digestOf(small)}`,
      headers: { 'if-none-match': etag },
    })
    expect(elsewhere.statusCode).toBe(404)
  })

  it('knows a blob only in the repositories that hold it', async () => {
    await push(small)
    const response = await app.inject({ url: `/v2/b/blobs/${digestOf(small)}` })
    expect(response.statusCode).toBe(404)
    expect(response.json()).toMatchObject({ errors: [{ code: 'BLOB_UNKNOWN', detail: { digest: digestOf(small) } }] })
  })

  it('does not hand out a small blob that is damaged', async () => {
    await push(small)
    const key = `blobs/sha256/${hexOf(digestOf(small))}`
    const etag = (await objects.head(key))?.etag ?? ''
    await objects.putIfMatch(key, etag, Buffer.from('012345678X'))
    expect((await get(small)).statusCode).toBe(500)
    expect((await get(small)).statusCode).toBe(404)
    await push(small)
    expect((await get(small)).statusCode).toBe(200)
  })

  it.each([
    ['small', small],
    ['large', large],
  ])('deletes a %s blob, also from memory', async (_, blob) => {
    await push(blob)
    for (let time = 0; time < 3; time++) expect((await get(blob)).rawPayload.equals(blob)).toBe(true)
    expect((await get(blob, 'bytes=5-')).rawPayload.equals(blob.subarray(5))).toBe(true)
    const remove = () => app.inject({ method: 'DELETE', url: `/v2/a/blobs/${digestOf(blob)}` })
    expect((await remove()).statusCode).toBe(202)
    expect((await get(blob)).statusCode).toBe(404)
    expect((await remove()).statusCode).toBe(404)
  })
})
