import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { Fault } from '../oci/fault.ts'
import { createContentStore } from '../store/create-content-store.ts'
import type { ContentStore } from '../store/content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { allowAll, type Access, type Authorize, type Identify } from './authorize.ts'
import { createMirrorServer } from './mirror-server.ts'
import { registryRoutes } from './registry-routes.ts'

interface Setup {
  readonly authorize?: Authorize
  readonly identify?: Identify
  readonly store?: ContentStore
  readonly lines?: string[]
}

function serve({
  authorize = allowAll,
  identify,
  store = createContentStore(createMemoryStore()),
  lines,
}: Setup): FastifyInstance {
  const app = createMirrorServer()
  const log = pino({ level: lines ? 'warn' : 'silent' }, { write: (line: string) => void lines?.push(line) })
  void app.register(registryRoutes, { store, authorize, identify, log })
  return app
}

const bytes = Buffer.from('bytes')
const digest = digestOf(bytes)

describe('registryRoutes', () => {
  it.each(['/v2', '/v2/'])('says at %s that this is a registry', async (url) => {
    const response = await serve({}).inject({ url })
    expect(response.statusCode).toBe(200)
    expect(response.headers['docker-distribution-api-version']).toBe('registry/2.0')
  })

  it('lives beside other routes, which parse their bodies as ever', async () => {
    const app = serve({})
    app.post('/api/v1/echo', (request) => request.body)
    const response = await app.inject({ method: 'POST', url: '/api/v1/echo', payload: { a: 1 } })
    expect(response.json()).toEqual({ a: 1 })
  })

  it('says which methods a path knows', async () => {
    const response = await serve({}).inject({ method: 'POST', url: '/v2/a/tags/list' })
    expect(response.statusCode).toBe(405)
    expect(response.headers['allow']).toBe('GET, HEAD')
    expect(response.json()).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] })
  })

  it.each(['/v2/%zz/tags/list', '/v2/a%2fb/tags/list', '/v2/a/tags'])(
    'answers %s in the words of the spec',
    async (url) => {
      const response = await serve({}).inject({ url })
      expect([400, 404]).toContain(response.statusCode)
      expect(response.json()).toMatchObject({ errors: [{ code: expect.any(String) as string }] })
    },
  )

  it('takes names and digests as long as they may be', async () => {
    const repository = Array.from({ length: 51 }, () => 'abcd').join('/')
    const url = `/v2/${repository}/blobs/${digestOf('x', 'sha512')}`
    expect((await serve({}).inject({ url })).json()).toMatchObject({ errors: [{ code: 'BLOB_UNKNOWN' }] })
  })

  it.each<[string, string, Access]>([
    ['GET', '/v2/', { action: 'connect' }],
    ['GET', '/v2/_catalog', { action: 'list' }],
    ['GET', '/v2/a/tags/list', { action: 'pull', repository: 'a' }],
    ['HEAD', '/v2/a/manifests/v1', { action: 'pull', repository: 'a' }],
    ['GET', `/v2/a/manifests/${digest}`, { action: 'pull', repository: 'a', digest }],
    ['PUT', `/v2/a/manifests/${digest}`, { action: 'push', repository: 'a', digest }],
    ['DELETE', '/v2/a/manifests/v1', { action: 'delete', repository: 'a' }],
    ['GET', `/v2/a/blobs/${digest}`, { action: 'pull', repository: 'a', digest }],
    ['DELETE', `/v2/a/blobs/${digest}`, { action: 'delete', repository: 'a', digest }],
    ['POST', '/v2/a/blobs/uploads/', { action: 'push', repository: 'a' }],
    ['GET', '/v2/a/blobs/uploads/x', { action: 'push', repository: 'a' }],
    ['PATCH', '/v2/a/blobs/uploads/x', { action: 'push', repository: 'a' }],
    ['PUT', `/v2/a/blobs/uploads/x?digest=${digest}`, { action: 'push', repository: 'a', digest }],
    ['DELETE', '/v2/a/blobs/uploads/x', { action: 'push', repository: 'a' }],
    ['GET', `/v2/a/referrers/${digest}`, { action: 'pull', repository: 'a', digest }],
  ])('asks before it answers %s %s', async (method, url, access) => {
    const asked: Access[] = []
    const authorize: Authorize = (_, wanted) => {
      asked.push(wanted)
      return { allowed: false }
    }
    const response = await serve({ authorize }).inject({ method: method as 'GET', url })
    expect(response.statusCode).toBe(403)
    expect(asked).toEqual([access])
  })

  it('invites to come again with credentials', async () => {
    const authorize: Authorize = () => ({ allowed: false })
    const identify: Identify = () => ({
      principal: { kind: 'anonymous' },
      challenge: ({ action }) => `Bearer realm="${action}"`,
    })
    const response = await serve({ authorize, identify }).inject({ url: '/v2/' })
    expect([response.statusCode, response.headers['www-authenticate']]).toEqual([401, 'Bearer realm="connect"'])
    expect(response.json()).toMatchObject({ errors: [{ code: 'UNAUTHORIZED' }] })
  })

  it('decides by who asks', async () => {
    const authorize: Authorize = (principal) => ({ allowed: principal.kind === 'user' && principal.name === 'ann' })
    const identify: Identify = ({ headers }) => ({ principal: { kind: 'user', name: String(headers['x-name']) } })
    const app = serve({ authorize, identify })
    const statusFor = async (name: string) =>
      (await app.inject({ url: '/v2/', headers: { 'x-name': name } })).statusCode
    expect([await statusFor('ann'), await statusFor('bob')]).toEqual([200, 403])
  })

  it('neither mounts from nor lists a repository that may not be pulled', async () => {
    const authorize: Authorize = (_, access) => ({
      allowed: access.action === 'push' || !('repository' in access && access.repository?.startsWith('secret')),
    })
    const app = serve({ authorize })
    const push = { method: 'POST', payload: bytes } as const
    await app.inject({ ...push, url: `/v2/secret/blobs/uploads/?digest=${digest}` })
    for (const from of ['&from=secret', '']) {
      const mount = await app.inject({ method: 'POST', url: `/v2/a/blobs/uploads/?mount=${digest}${from}` })
      expect(mount.statusCode).toBe(202)
    }
    for (const name of ['open', 'secret2', 'shown']) {
      await app.inject({ ...push, url: `/v2/${name}/blobs/uploads/?digest=${digest}` })
    }
    expect((await app.inject({ url: '/v2/_catalog' })).json()).toEqual({ repositories: ['open', 'shown'] })
    const page = await app.inject({ url: '/v2/_catalog?n=1' })
    expect([page.json(), page.headers['link']]).toEqual([
      { repositories: ['open'] },
      '</v2/_catalog?n=1&last=open>; rel="next"',
    ])
    expect((await app.inject({ url: '/v2/_catalog?n=1&last=open' })).headers['link']).toBeUndefined()
  })

  it('says clearly that the disk is full, and warns of it', async () => {
    const lines: string[] = []
    const store = createContentStore(createMemoryStore())
    const full: ContentStore = {
      ...store,
      openUpload: () => Promise.reject(new Fault('no-space', '/srv/mirror: the disk is full')),
    }
    const response = await serve({ store: full, lines }).inject({ method: 'POST', url: '/v2/a/blobs/uploads/' })
    expect(response.statusCode).toBe(507)
    expect(response.json()).toMatchObject({
      errors: [{ message: expect.stringMatching(/no space left in this registry/) }],
    })
    expect(response.body).not.toContain('/srv')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 40,
      path: '/v2/a/blobs/uploads/',
      status: 507,
      err: { message: '/srv/mirror: the disk is full' },
    })
  })

  it('does not warn of what clients normally ask for', async () => {
    const lines: string[] = []
    const app = serve({ lines })
    await app.inject({ url: '/v2/a/manifests/absent' })
    await app.inject({ method: 'PUT', url: '/v2/a/manifests/v1', payload: '{' })
    expect(lines).toEqual([])
  })
})
