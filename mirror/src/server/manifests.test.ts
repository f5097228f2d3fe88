import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { blobKey } from '../store/content/content-keys.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { allowAll } from './authorize.ts'
import { createMirrorServer } from './mirror-server.ts'
import { registryRoutes } from './registry-routes.ts'

const config = Buffer.from('{"os":"linux"}')
const layer = Buffer.from('layer')
let app: FastifyInstance
let objects: ObjectStore

beforeEach(() => {
  app = createMirrorServer()
  objects = createMemoryStore()
  const store = createContentStore(objects)
  void app.register(registryRoutes, { store, authorize: allowAll, log: pino({ level: 'silent' }) })
})

const descriptor = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: digestOf(bytes), size: bytes.length })
const imageWith = (more: object = {}) =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: descriptor(mediaTypes.config, config),
      layers: [descriptor(mediaTypes.layer, layer)],
      unknown: ' kept  as it is ',
      ...more,
    }),
  )
const image = imageWith()
const refusalOf = (response: { json: () => { errors: { code: string }[] } }) => response.json().errors[0]?.code

async function putBlobs(): Promise<void> {
  for (const payload of [config, layer]) {
    await app.inject({ method: 'POST', url: `/v2/a/blobs/uploads/?digest=${digestOf(payload)}`, payload })
  }
}
const put = (reference: string, payload: Buffer, mediaType: string = mediaTypes.manifest) =>
  app.inject({ method: 'PUT', url: `/v2/a/manifests/${reference}`, payload, headers: { 'content-type': mediaType } })
const get = (reference: string, headers: Record<string, string> = {}) =>
  app.inject({ method: 'GET', url: `/v2/a/manifests/${reference}`, headers })

describe('manifests', () => {
  it('gives back what was pushed, byte for byte, by tag and by digest', async () => {
    await putBlobs()
    const created = await put('v1', image)
    expect(created.statusCode).toBe(201)
    expect(created.headers).toMatchObject({
      location: `/v2/a/manifests/${digestOf(image)}`,
      'docker-content-digest': digestOf(image),
    })
    for (const reference of ['v1', digestOf(image)]) {
      const response = await get(reference)
      expect(response.statusCode).toBe(200)
      expect(response.rawPayload.equals(image)).toBe(true)
      expect(response.headers).toMatchObject({
        'content-type': mediaTypes.manifest,
        'content-length': String(image.length),
        'docker-content-digest': digestOf(image),
        etag: `"${digestOf(image)}"`,
      })
      const head = await app.inject({ method: 'HEAD', url: `/v2/a/manifests/${reference}` })
      expect(head.statusCode).toBe(200)
      expect(head.rawPayload).toHaveLength(0)
      const { date: _, ...headers } = response.headers
      expect(head.headers).toMatchObject(headers)
    }
  })

  it('says that a client has it already', async () => {
    await putBlobs()
    await put('v1', image)
    const etag = `"${digestOf(image)}"`
    expect((await get('v1', { 'if-none-match': etag })).statusCode).toBe(304)
    expect((await get('v1', { 'if-none-match': `"x", W/${etag}` })).statusCode).toBe(304)
    expect((await get('v1', { 'if-none-match': '"x"' })).statusCode).toBe(200)
    expect((await get('v2', { 'if-none-match': '*' })).statusCode).toBe(404)
  })

  it('answers in the algorithm of the digest that was asked for', async () => {
    await putBlobs()
    const digest = digestOf(image, 'sha512')
    expect((await put(digest, image)).headers['docker-content-digest']).toBe(digest)
    expect((await get(digest)).headers['docker-content-digest']).toBe(digest)
  })

  it.each(['gone', 'damaged'])(
    'says that a manifest is not here whose bytes are %s, until it is pushed again',
    async (how) => {
      await putBlobs()
      await put('v1', image)
      const { etag } = (await objects.head(blobKey(digestOf(image))))!
      if (how === 'gone') await objects.delete(blobKey(digestOf(image)))
      else await objects.putIfMatch(blobKey(digestOf(image)), etag, Buffer.alloc(image.length))
      const head = (reference: string) => app.inject({ method: 'HEAD', url: `/v2/a/manifests/${reference}` })
      for (const reference of ['v1', digestOf(image)]) expect((await head(reference)).statusCode).toBe(404)
      await put(digestOf(image), image)
      for (const reference of ['v1', digestOf(image)]) expect((await head(reference)).statusCode).toBe(200)
    },
  )

  it('refuses an image whose config or layers are not here', async () => {
    const response = await put('v1', image)
    expect(response.statusCode).toBe(404)
    expect(refusalOf(response)).toBe('MANIFEST_BLOB_UNKNOWN')
    expect((await get('v1')).statusCode).toBe(404)
  })

  it('takes such an image where sparse ones are taken', async () => {
    app = createMirrorServer()
    const store = createContentStore(createMemoryStore())
    void app.register(registryRoutes, { store, authorize: allowAll, takesSparse: true, log: pino({ level: 'silent' }) })
    expect((await put('v1', image)).statusCode).toBe(201)
    expect((await get('v1')).rawPayload.equals(image)).toBe(true)
  })

  it('refuses an image that says another size of a layer', async () => {
    await putBlobs()
    const wrong = { ...descriptor(mediaTypes.layer, layer), size: 1 }
    const response = await put('v1', imageWith({ layers: [wrong] }))
    expect([response.statusCode, refusalOf(response)]).toEqual([400, 'MANIFEST_INVALID'])
  })

  it('takes a sparse index, a subject that is absent and a layer that may not be distributed', async () => {
    await putBlobs()
    const absent = { mediaType: mediaTypes.manifest, digest: digestOf('absent'), size: 6 }
    const index = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [absent], subject: absent }),
    )
    const response = await put('index', index, mediaTypes.index)
    expect(response.statusCode).toBe(201)
    expect(response.headers['oci-subject']).toBe(absent.digest)
    const foreign = { ...absent, mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip' }
    expect((await put('foreign', imageWith({ layers: [foreign] }))).statusCode).toBe(201)
  })

  it('tags a push by digest as its parameters say', async () => {
    await putBlobs()
    const response = await put(`${digestOf(image)}?tag=one&tag=two&tag=one`, image)
    expect(response.headers['oci-tag']).toEqual(['one', 'two'])
    expect((await get('two')).headers['docker-content-digest']).toBe(digestOf(image))
    expect((await put(`${digestOf(image)}?tag=.no`, image)).statusCode).toBe(400)
  })

  it.each<[string, string, Buffer, number, string]>([
    ['other bytes than the digest says', digestOf('x'), image, 400, 'DIGEST_INVALID'],
    ['a digest that is none', 'sha256:bad', image, 400, 'DIGEST_INVALID'],
    ['what is not JSON', 'v1', Buffer.from('{'), 400, 'MANIFEST_INVALID'],
    ['what is too large', 'v1', Buffer.alloc(4 * 1024 * 1024 + 1, ' '), 413, 'SIZE_INVALID'],
  ])('refuses %s', async (_, reference, payload, status, code) => {
    await putBlobs()
    const response = await put(reference, payload)
    expect([response.statusCode, refusalOf(response)]).toEqual([status, code])
  })

  it('deletes a tag and keeps the manifest, deletes a manifest and its tags', async () => {
    await putBlobs()
    await put('one', image)
    await put('two', image)
    const remove = (reference: string) => app.inject({ method: 'DELETE', url: `/v2/a/manifests/${reference}` })
    expect((await remove('one')).statusCode).toBe(202)
    expect((await get('one')).statusCode).toBe(404)
    expect((await get('two')).statusCode).toBe(200)
    expect((await remove(digestOf(image))).statusCode).toBe(202)
    expect((await get('two')).statusCode).toBe(404)
    expect(refusalOf(await remove(digestOf(image)))).toBe('MANIFEST_UNKNOWN')
  })

  it('does not serve a blob as a manifest', async () => {
    await putBlobs()
    expect((await get(digestOf(config))).statusCode).toBe(404)
  })
})
