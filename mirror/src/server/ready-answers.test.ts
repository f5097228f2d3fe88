import { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { blobKey, linkKey } from '../store/content/content-keys.ts'
import { formatLink, parseLink } from '../store/content/link.ts'
import { blobOf, imageOf, indexOf, pushImage, store } from '../store/content/stored-content.conformance.ts'
import type { ContentStore, Repository } from '../store/content-store.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { readObject } from '../store/read-object.ts'
import { rememberSmallObjects } from '../store/remember-small-objects.ts'
import { silentLog } from '../testing/silent-log.ts'
import { createMirrorServer, listen } from './mirror-server.ts'
import { registryRoutes, type RegistryOptions } from './registry-routes.ts'

const image = imageOf('one')
const name = 'team/app'
let isAllowed: boolean
let lookUps = 0
let objects: ObjectStore
let repository: Repository
let app: FastifyInstance

/** Counts how often something is looked up in a repository. */
function watched(content: ContentStore): ContentStore {
  return {
    ...content,
    repository(of) {
      const looked = content.repository(of)
      const stat: Repository['stat'] = (digest) => (lookUps++, looked.stat(digest))
      return { ...looked, stat, tag: (tag) => (lookUps++, looked.tag(tag)) }
    },
  }
}

function serve(more: Partial<RegistryOptions> = {}): FastifyInstance {
  const server = createMirrorServer()
  const authorize = () => ({ allowed: isAllowed })
  const content = watched(createContentStore(objects))
  void server.register(registryRoutes, { store: content, authorize, log: silentLog, ...more })
  return server
}

beforeEach(async () => {
  isAllowed = true
  lookUps = 0
  objects = rememberSmallObjects(createMemoryStore())
  repository = createContentStore(objects).repository(name)
  await pushImage(repository, 'one', ['v1'])
  app = serve()
})

const urlOf = (reference: string): string => `/v2/${name}/manifests/${reference}`
const get = (reference: string, headers: Record<string, string> = {}, from: FastifyInstance = app) =>
  from.inject({ url: urlOf(reference), headers })

/** Asks until the answer is ready. */
async function warm(reference: string, from: FastifyInstance = app): Promise<void> {
  for (let time = 0; time < 3; time++) expect((await get(reference, {}, from)).statusCode).toBe(200)
  lookUps = 0
}

describe('ready answers', () => {
  it.each(['v1', image.digest])('answer as what is looked up (%s), and nothing is looked up', async (reference) => {
    const first = await get(reference)
    await warm(reference)
    const ready = await get(reference)
    expect(lookUps).toBe(0)
    expect(ready.rawPayload.equals(image.raw)).toBe(true)
    const withoutDate = (headers: typeof first.headers) => ({ ...headers, date: undefined })
    expect(withoutDate(ready.headers)).toEqual(withoutDate(first.headers))
  })

  it('go to a socket as they were made before', async () => {
    await using listening = await listen(app, { host: '127.0.0.1', port: 0 })
    const writeHead = vi.spyOn(ServerResponse.prototype, 'writeHead')
    const said: unknown[] = []
    for (let time = 0; time < 5; time++) {
      const answer = await fetch(`${listening.url}${urlOf('v1')}`)
      said.push([answer.status, { ...Object.fromEntries(answer.headers), date: '' }, await answer.text()])
    }
    expect(said).toEqual(said.map(() => said[0]))
    expect(writeHead.mock.calls.length).toBeLessThan(3)
    writeHead.mockRestore()
  })

  it.each([
    ['small', Buffer.from('layer one')],
    ['hot', Buffer.alloc(700_000, 'layer')],
  ])('answer with a %s blob, until it is gone, and never HEAD', async (_, layer) => {
    const blob = blobOf(layer)
    await store(repository, blob, layer)
    const url = `/v2/${name}/blobs/${blob.digest}`
    const first = await app.inject({ url })
    for (let time = 0; time < 3; time++) await app.inject({ url })
    lookUps = 0
    const ready = await app.inject({ url })
    expect(lookUps).toBe(0)
    expect(ready.rawPayload.equals(layer)).toBe(true)
    expect({ ...ready.headers, date: undefined }).toEqual({ ...first.headers, date: undefined })
    const part = await app.inject({ url, headers: { range: 'bytes=2-5' } })
    expect([part.statusCode, part.rawPayload]).toEqual([206, layer.subarray(2, 6)])
    lookUps = 0
    expect((await app.inject({ method: 'HEAD', url })).statusCode).toBe(200)
    expect(lookUps).toBeGreaterThan(0)
    await repository.deleteBlob(blob.digest)
    expect((await app.inject({ url })).statusCode).toBe(404)
  })

  it.each(['v1', image.digest])(
    'do not tell a pusher that a manifest is here whose bytes are gone (%s)',
    async (reference) => {
      const head = () => app.inject({ method: 'HEAD', url: urlOf(reference) })
      await warm(reference)
      const { headers } = await get(reference)
      const here = await head()
      expect([here.statusCode, here.rawPayload.length]).toEqual([200, 0])
      expect({ ...here.headers, date: undefined }).toEqual({ ...headers, date: undefined })
      await objects.delete(blobKey(image.digest))
      expect((await head()).statusCode).toBe(404)
    },
  )

  it('are forgotten at once when the tag moves or goes, or the manifest is deleted', async () => {
    await warm('v1')
    await warm(image.digest)
    const index = indexOf([])
    await repository.putManifest(index, { tags: ['v1'] })
    expect((await get('v1')).headers['docker-content-digest']).toBe(index.digest)
    await warm('v1')
    await repository.deleteTag('v1')
    expect((await get('v1')).statusCode).toBe(404)
    await repository.deleteManifest(image.digest)
    expect((await get(image.digest)).statusCode).toBe(404)
  })

  it('are not for who may not have them any more', async () => {
    await warm('v1')
    isAllowed = false
    expect((await get('v1')).statusCode).toBe(403)
  })

  it('leave conditions to who looks', async () => {
    await warm('v1')
    expect((await get('v1', { 'if-none-match': `"${image.digest}"` })).statusCode).toBe(304)
    expect((await get('v1', { 'if-none-match': '"another"' })).statusCode).toBe(200)
  })

  it('tell nobody who builds on it that a condemned manifest is here without reviving it', async () => {
    await warm('v1')
    const key = linkKey(name, image.digest)
    const linkOf = async () => parseLink((await readObject(objects, key))!.bytes)!
    const etag = (await objects.head(key))!.etag
    await objects.putIfMatch(key, etag, formatLink({ ...(await linkOf()), condemnedAt: 1 }))
    await get('v1')
    expect((await app.inject({ method: 'HEAD', url: urlOf('v1') })).statusCode).toBe(200)
    expect((await linkOf()).condemnedAt).toBeUndefined()
  })

  it.each<[string, () => Partial<RegistryOptions>]>([
    ['clients are asked who they are', () => ({ identify: () => ({ principal: { kind: 'anonymous' } }) })],
    ['their requests are counted', () => ({ limit: { take: () => undefined, giveBack: () => undefined } })],
    [
      'others may write to the store',
      () => ({ store: watched(createContentStore({ ...objects, peek: () => undefined })) }),
    ],
  ])('are none where %s', async (_, more) => {
    const other = serve(more())
    await warm('v1', other)
    await get('v1', {}, other)
    expect(lookUps).toBeGreaterThan(0)
  })
})
