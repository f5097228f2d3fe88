import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { allowAll } from './authorize.ts'
import { createMirrorServer } from './mirror-server.ts'
import { registryRoutes } from './registry-routes.ts'

let app: FastifyInstance

beforeEach(() => {
  app = createMirrorServer()
  const store = createContentStore(createMemoryStore())
  void app.register(registryRoutes, { store, authorize: allowAll, log: pino({ level: 'silent' }) })
})

async function put(repository: string, reference: string, more: object = {}): Promise<string> {
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [], ...more }
  const payload = JSON.stringify(index)
  const headers = { 'content-type': mediaTypes.index }
  const response = await app.inject({
    method: 'PUT',
    url: `/v2/${repository}/manifests/${reference}`,
    payload,
    headers,
  })
  expect(response.statusCode).toBe(201)
  return String(response.headers['docker-content-digest'])
}

/** Follows `Link` to the end. */
async function pages(url: string, list: string): Promise<unknown[]> {
  const response = await app.inject({ url })
  expect(response.statusCode).toBe(200)
  const page = response.json<Record<string, unknown>>()[list]
  const next = /^<([^>]+)>; rel="next"$/.exec(String(response.headers['link'] ?? ''))?.[1]
  return next ? [page, ...(await pages(next, list))] : [page]
}

describe('a tag list', () => {
  beforeEach(async () => {
    for (const tag of ['b', 'a', 'C', 'd.1', 'e']) await put('x/y', tag)
  })

  it('is ordered bytewise and names its repository', async () => {
    const response = await app.inject({ url: '/v2/x/y/tags/list' })
    expect(response.json()).toEqual({ name: 'x/y', tags: ['C', 'a', 'b', 'd.1', 'e'] })
    expect(response.headers['link']).toBeUndefined()
  })

  it('comes in pages', async () => {
    expect(await pages('/v2/x/y/tags/list?n=2', 'tags')).toEqual([['C', 'a'], ['b', 'd.1'], ['e']])
    expect(await pages('/v2/x/y/tags/list?n=5', 'tags')).toEqual([['C', 'a', 'b', 'd.1', 'e']])
    expect(await pages('/v2/x/y/tags/list?n=0', 'tags')).toEqual([[]])
  })

  it('goes on behind a tag that is gone', async () => {
    await app.inject({ method: 'DELETE', url: '/v2/x/y/manifests/b' })
    expect(await pages('/v2/x/y/tags/list?last=b', 'tags')).toEqual([['d.1', 'e']])
  })

  it.each(['x', '-1', '1.5', ''])('refuses n=%s', async (n) => {
    expect((await app.inject({ url: `/v2/x/y/tags/list?n=${n}` })).statusCode).toBe(400)
  })
})

describe('the catalog', () => {
  it('lists repositories in pages', async () => {
    for (const repository of ['b', 'a/b/c', 'a']) await put(repository, 'v1')
    expect(await pages('/v2/_catalog', 'repositories')).toEqual([['a', 'a/b/c', 'b']])
    expect(await pages('/v2/_catalog?n=2', 'repositories')).toEqual([['a', 'a/b/c'], ['b']])
  })
})

describe('referrers', () => {
  it('are listed, also of what is absent, and filtered by their type', async () => {
    const subject = { mediaType: mediaTypes.manifest, digest: digestOf('absent'), size: 6 }
    const url = `/v2/a/referrers/${subject.digest}`
    const none = await app.inject({ url })
    expect(none.headers['content-type']).toBe(mediaTypes.index)
    expect(none.json()).toEqual({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] })

    const signature = await put('a', 'one', { subject, artifactType: 'x/sig', annotations: { by: 'me' } })
    await put('a', 'two', { subject, artifactType: 'x/sbom' })
    expect((await app.inject({ url })).json<{ manifests: unknown[] }>().manifests).toHaveLength(2)
    expect((await app.inject({ url })).headers['oci-filters-applied']).toBeUndefined()

    const filtered = await app.inject({ url: `${url}?artifactType=x%2Fsig` })
    expect(filtered.headers['oci-filters-applied']).toBe('artifactType')
    const listed = { digest: signature, artifactType: 'x/sig', annotations: { by: 'me' }, mediaType: mediaTypes.index }
    expect(filtered.json<{ manifests: unknown[] }>().manifests).toMatchObject([listed])
  })
})
