import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { Fault } from '../../oci/fault.ts'
import { blobOf } from '../../store/content/stored-content.conformance.ts'
import { createUploadDigests } from '../../store/content/upload-digests.ts'
import { createContentStore } from '../../store/create-content-store.ts'
import { createMemoryStore } from '../../store/memory-store.ts'
import type { ObjectStore } from '../../store/object-store.ts'
import { openRemoteStore } from '../../store/remote/remote-store.ts'
import { chunks, text } from '../../store/stored-bytes.conformance.ts'
import { allowAll } from '../authorize.ts'
import { createMirrorServer, listen } from '../mirror-server.ts'
import { registryRoutes } from '../registry-routes.ts'
import { objectsRoutes } from './objects-routes.ts'

const opened: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]()
})

const pace = { baseMs: 1, capMs: 2, tries: 3 }

/** A mirror with its registry beside its objects, and what it logs. */
async function openMirror(tokens: string[] | undefined) {
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  const objects = createMemoryStore()
  const digests = createUploadDigests()
  const store = createContentStore(objects, { digests })
  const app = createMirrorServer()
  await app.register(registryRoutes, { store, authorize: allowAll, log })
  if (tokens) await app.register(objectsRoutes, { objects, digests, tokens: async () => tokens, log })
  const listening = await listen(app, { host: '127.0.0.1', port: 0, graceMs: 100 })
  opened.push(listening)
  return { ...listening, objects, store, lines }
}

function connect(url: string, token: () => string, isRefusalFinal?: boolean): ObjectStore {
  const store = openRemoteStore({ url: new URL(url), token: async () => token(), pace, isRefusalFinal })
  opened.push(store)
  return store
}

describe('the objects of a mirror', () => {
  it.each([undefined, 'Bearer other', 'Bearer', 'Basic c2VjcmV0', 'bearer  secret', 'Bearer secre', 'Bearer secretx'])(
    'are not for who shows %j',
    async (authorization) => {
      const { url, objects, lines } = await openMirror(['secret'])
      await objects.putIfAbsent('a', text('1'))
      for (const path of ['keys/a', 'list', 'uploads', 'nothing']) {
        const headers = authorization === undefined ? {} : { authorization }
        const response = await fetch(`${url}/objects/v1/${path}`, { headers })
        expect(response.status).toBe(401)
        expect(await response.text()).not.toContain('secret')
      }
      const body = 'x'.repeat(1_000_000)
      await fetch(`${url}/objects/v1/keys/b`, { method: 'PUT', body }).catch(() => undefined)
      expect(await objects.head('b')).toBeUndefined()
      expect(lines.join('')).not.toContain('secret')
    },
  )

  it('are nowhere without a token', async () => {
    const { url } = await openMirror(undefined)
    expect((await fetch(`${url}/objects/v1/list`)).status).toBe(404)
    await expect(connect(url, () => 'x').head('a')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('--objects-token-file') as string,
    })
  })

  it('go on through an exchange of the token, and a refused one is said without it', async () => {
    const tokens = ['old-secret']
    const { url } = await openMirror(tokens)
    let token = 'old-secret'
    const store = connect(url, () => token)
    await store.putIfAbsent('a', text('1'))
    tokens.unshift('new-secret')
    expect(await store.head('a')).toBeDefined()
    token = 'new-secret'
    expect(await store.head('a')).toBeDefined()
    tokens.pop()
    expect(await store.head('a')).toBeDefined()
    tokens[0] = 'newest-secret'
    const failure = await store.head('a').catch((error: unknown) => error as Error)
    expect(failure).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('refuses the token') as string,
    })
    expect(JSON.stringify(failure)).not.toContain('secret')
  })

  it('are refused for good to who does not wait for another token', async () => {
    const { url } = await openMirror(['secret'])
    const refused = { code: 'denied', message: expect.stringContaining('--objects-token-file') as string }
    await expect(connect(url, () => 'other', true).head('a')).rejects.toMatchObject(refused)
  })

  it('and the registry beside them are one', async () => {
    const { url, store } = await openMirror(['secret'])
    const objects = connect(url, () => 'secret')
    const elsewhere = createContentStore(objects).repository('app')
    const session = await fetch(`${url}/v2/app/blobs/uploads/`, { method: 'POST' })
    const blob = blobOf('hello')
    const location = `${url}${session.headers.get('location')}?digest=${blob.digest}`
    await fetch(location, { method: 'PUT', body: 'hello' })
    expect(await elsewhere.hasBlob(blob)).toBe(true)
    await elsewhere.deleteBlob(blob.digest)
    expect((await fetch(`${url}/v2/app/blobs/${blob.digest}`)).status).toBe(404)
    expect(await store.repository('app').stat(blob.digest)).toBeUndefined()
  })

  it('are not called absent by what is no mirror', async () => {
    for (const status of [200, 404, 403, 502, 503]) {
      const server = createServer((_request, response) => response.writeHead(status).end('{}')).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const store = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => 'secret')
      const verbs = [
        () => store.head('a'),
        () => store.get('a'),
        () => store.putIfAbsent('a', text('1')),
        () => store.putIfMatch('a', 'x', text('1')),
        () => store.delete('a'),
        () => Array.fromAsync(store.list('')),
        () => store.openUpload('u'),
        () => Array.fromAsync(store.listUploads()),
      ]
      for (const verb of verbs) await expect(verb()).rejects.toMatchObject({ code: 'unavailable' })
      server.close()
    }
  })

  it('are said to be out of reach, with the address, when nobody answers', async () => {
    const store = connect('http://127.0.0.1:1', () => 'secret')
    const message = 'mirror 127.0.0.1:1: connection refused'
    await expect(store.head('a')).rejects.toMatchObject({ code: 'unavailable', message })
  })

  it('tell over the network what the store itself says', async () => {
    const { url, objects } = await openMirror(['secret'])
    objects.putIfAbsent = () => Promise.reject(new Fault('no-space', 'the disk is full'))
    objects.head = () => Promise.reject(new Fault('unavailable', 'the disk is away', { retryAfterMs: 7000 }))
    objects.delete = () => Promise.reject(new Error('a bug'))
    const store = connect(url, () => 'secret')
    const full = { code: 'no-space', message: 'the disk is full' }
    await expect(store.putIfAbsent('a', text(''))).rejects.toMatchObject(full)
    await expect(store.head('a')).rejects.toMatchObject({ code: 'unavailable', retryAfterMs: 7000 })
    const bug = { code: 'unavailable', message: expect.stringContaining('its log says more') as string }
    await expect(store.delete('a')).rejects.toMatchObject(bug)
  })

  it('list in pages, and all of them', async () => {
    const { url, objects } = await openMirror(['secret'])
    const keys = Array.from({ length: 700 }, (_, n) => `k/${String(n).padStart(4, '0')}`)
    for (const key of keys) await objects.putIfAbsent(key, text(key))
    const store = connect(url, () => 'secret')
    expect((await Array.fromAsync(store.list('k/'))).map(({ key }) => key)).toEqual(keys)
    expect((await Array.fromAsync(store.list('k/', { after: 'k/0031' }))).length).toBe(668)
  })

  it('keep what came of an append for which there was no room, and say how much that is', async () => {
    const { url, objects } = await openMirror(['secret'])
    const openUpload: ObjectStore['openUpload'] = objects.openUpload.bind(objects)
    objects.openUpload = async (id, options) => {
      const upload = await openUpload(id, options)
      return {
        ...upload,
        get size() {
          return upload.size
        },
        append: async () => {
          await upload.append(chunks('ab'))
          throw new Fault('no-space', 'the disk is full')
        },
      }
    }
    await using upload = await connect(url, () => 'secret').openUpload('u')
    await expect(upload.append(chunks('abcdef'))).rejects.toMatchObject({ code: 'no-space' })
    expect(upload.size).toBe(2)
  })
})
