import type { FastifyInstance, InjectOptions } from 'fastify'
import { pino } from 'pino'
import { beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { blobKey } from '../store/content/content-keys.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { allowAll } from './authorize.ts'
import { createMirrorServer } from './mirror-server.ts'
import { registryRoutes } from './registry-routes.ts'

const bytes = Buffer.from('0123456789')
const digest = digestOf(bytes)
let app: FastifyInstance
let objects: ObjectStore

beforeEach(() => {
  app = createMirrorServer()
  objects = createMemoryStore()
  const store = createContentStore(objects)
  void app.register(registryRoutes, { store, authorize: allowAll, log: pino({ level: 'silent' }) })
})

const send = (method: NonNullable<InjectOptions['method']>, url: string, options: InjectOptions = {}) =>
  app.inject({ method, url, ...options })
const chunk = (payload: Buffer, range?: string): InjectOptions => ({
  payload,
  headers: { 'content-type': 'application/octet-stream', ...(range ? { 'content-range': range } : {}) },
})
const refusalOf = (response: { json: () => { errors: { code: string }[] } }) => response.json().errors[0]?.code
const blobIn = async (repository: string) => (await send('GET', `/v2/${repository}/blobs/${digest}`)).rawPayload

async function begin(query = ''): Promise<string> {
  const response = await send('POST', `/v2/a/blobs/uploads/${query}`)
  expect(response.statusCode).toBe(202)
  expect(response.headers['range']).toBe('0-0')
  return String(response.headers['location'])
}

describe('an upload', () => {
  it('is made of chunks and of what comes with its end', async () => {
    const location = await begin()
    const first = await send('PATCH', location, chunk(bytes.subarray(0, 4), '0-3'))
    expect([first.statusCode, first.headers['range'], first.headers['location']]).toEqual([202, '0-3', location])
    expect((await send('PATCH', location, chunk(bytes.subarray(4, 8)))).headers['range']).toBe('0-7')
    const end = await send('PUT', `${location}?digest=${digest}`, chunk(bytes.subarray(8), '8-9'))
    expect(end.statusCode).toBe(201)
    expect(end.headers).toMatchObject({ location: `/v2/a/blobs/${digest}`, 'docker-content-digest': digest })
    expect((await blobIn('a')).equals(bytes)).toBe(true)
    expect(refusalOf(await send('GET', location))).toBe('BLOB_UPLOAD_UNKNOWN')
  })

  it('is taken in one request', async () => {
    const response = await send('POST', `/v2/a/blobs/uploads/?digest=${digest}`, chunk(bytes))
    expect([response.statusCode, response.headers['location']]).toEqual([201, `/v2/a/blobs/${digest}`])
    expect((await blobIn('a')).equals(bytes)).toBe(true)
  })

  it.each(['', '?digest-algorithm=sha512'])(
    'learns of sha512 at its end at the latest (begun with "%s")',
    async (query) => {
      const location = await begin(query)
      await send('PATCH', location, chunk(bytes))
      const sha512 = digestOf(bytes, 'sha512')
      const end = await send('PUT', `${location}?digest=${encodeURIComponent(sha512)}`)
      expect([end.statusCode, end.headers['docker-content-digest']]).toEqual([201, sha512])
    },
  )

  it('refuses a chunk that is out of order, also the last one, and goes on', async () => {
    const location = await begin()
    await send('PATCH', location, chunk(bytes.subarray(0, 4), '0-3'))
    for (const [method, url] of [
      ['PATCH', location],
      ['PUT', `${location}?digest=${digest}`],
    ] as const) {
      const response = await send(method, url, chunk(bytes.subarray(6), '6-9'))
      expect([response.statusCode, response.headers['range'], response.headers['location']]).toEqual([
        416,
        '0-3',
        location,
      ])
    }
    const status = await send('GET', location)
    expect([status.statusCode, status.headers['range']]).toEqual([204, '0-3'])
    expect((await send('PUT', `${location}?digest=${digest}`, chunk(bytes.subarray(4)))).statusCode).toBe(201)
  })

  it.each<[string, number, string]>([
    ['nonsense', 400, 'BLOB_UPLOAD_INVALID'],
    ['0-99', 400, 'SIZE_INVALID'],
  ])('refuses the Content-Range %s', async (range, status, code) => {
    const response = await send('PATCH', await begin(), chunk(bytes, range))
    expect([response.statusCode, refusalOf(response)]).toEqual([status, code])
  })

  it('shows nothing when the bytes are not what their digest says', async () => {
    const wrong = digestOf('other bytes')
    const whole = await send('POST', `/v2/a/blobs/uploads/?digest=${wrong}`, chunk(bytes))
    expect([whole.statusCode, refusalOf(whole)]).toEqual([400, 'DIGEST_INVALID'])
    const end = await send('PUT', `${await begin()}?digest=${wrong}`, chunk(bytes))
    expect([end.statusCode, refusalOf(end)]).toEqual([400, 'DIGEST_INVALID'])
    expect((await send('HEAD', `/v2/a/blobs/${wrong}`)).statusCode).toBe(404)
  })

  it.each(['', '?digest=sha256:bad', '?digest=md5:00'])('does not end with "%s"', async (query) => {
    const response = await send('PUT', `${await begin()}${query}`, chunk(bytes))
    expect([response.statusCode, refusalOf(response)]).toEqual([400, 'DIGEST_INVALID'])
  })

  it('is cancelled for good', async () => {
    const location = await begin()
    await send('PATCH', location, chunk(bytes))
    expect((await send('DELETE', location)).statusCode).toBe(204)
    for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
      expect(refusalOf(await send(method, location))).toBe('BLOB_UPLOAD_UNKNOWN')
    }
  })

  it('is unknown in another repository', async () => {
    const location = (await begin()).replace('/v2/a/', '/v2/b/')
    for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
      expect((await send(method, location)).statusCode).toBe(404)
    }
    expect((await send('PUT', `${location}?digest=${digest}`)).statusCode).toBe(404)
  })
})

describe('a blob that is larger than blobs may be', () => {
  beforeEach(() => {
    app = createMirrorServer()
    const store = createContentStore(createMemoryStore())
    void app.register(registryRoutes, { store, authorize: allowAll, largestBlob: 8, log: pino({ level: 'silent' }) })
  })
  const tooLarge = (response: Awaited<ReturnType<typeof send>>) =>
    expect([response.statusCode, refusalOf(response)]).toEqual([413, 'SIZE_INVALID'])

  it('is refused at once, with its last chunk, and with the end', async () => {
    tooLarge(await send('POST', `/v2/a/blobs/uploads/?digest=${digest}`, chunk(bytes)))
    tooLarge(await send('PUT', `${await begin()}?digest=${digest}`, chunk(bytes)))
    const location = await begin()
    expect((await send('PATCH', location, chunk(bytes.subarray(0, 8)))).statusCode).toBe(202)
    tooLarge(await send('PATCH', location, chunk(bytes.subarray(8))))
    expect(refusalOf(await send('GET', location))).toBe('BLOB_UPLOAD_UNKNOWN')
  })

  it('is one byte larger than one that is taken', async () => {
    const fitting = bytes.subarray(0, 8)
    const response = await send('POST', `/v2/a/blobs/uploads/?digest=${digestOf(fitting)}`, chunk(fitting))
    expect(response.statusCode).toBe(201)
  })
})

describe('a mount', () => {
  const mount = (query: string) => send('POST', `/v2/b/blobs/uploads/?mount=${digest}${query}`)

  beforeEach(async () => {
    await send('POST', `/v2/a/blobs/uploads/?digest=${digest}`, chunk(bytes))
  })

  it('needs no bytes', async () => {
    const response = await mount('&from=a')
    expect([response.statusCode, response.headers['location']]).toEqual([201, `/v2/b/blobs/${digest}`])
    expect(response.headers['docker-content-digest']).toBe(digest)
    expect((await blobIn('b')).equals(bytes)).toBe(true)
  })

  it('needs no source to be named', async () => {
    expect((await mount('')).statusCode).toBe(201)
    expect((await blobIn('b')).equals(bytes)).toBe(true)
  })

  it('begins an upload of what the repository names and whose bytes are gone', async () => {
    await mount('')
    await objects.delete(blobKey(digest))
    for (const query of ['', '&from=a', '&from=b']) expect((await mount(query)).statusCode).toBe(202)
    expect((await send('POST', `/v2/b/blobs/uploads/?digest=${digest}`, chunk(bytes))).statusCode).toBe(201)
    expect((await mount('')).statusCode).toBe(201)
  })

  it('without a source begins an upload where nobody has the blob', async () => {
    const unknown = digestOf('unknown')
    expect((await send('POST', `/v2/b/blobs/uploads/?mount=${unknown}`)).statusCode).toBe(202)
  })

  it.each(['&from=nobody', '&from=NO%20NAME'])(
    'begins an upload where there is nothing to mount (%s)',
    async (query) => {
      const response = await mount(query)
      expect(response.statusCode).toBe(202)
      expect(
        (await send('PUT', `${String(response.headers['location'])}?digest=${digest}`, chunk(bytes))).statusCode,
      ).toBe(201)
    },
  )
})
