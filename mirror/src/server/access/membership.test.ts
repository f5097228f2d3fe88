import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../../oci/digest.ts'
import {
  ask,
  basic,
  bytes,
  digest,
  guardedRegistry,
  scopeOf,
  tokenFor,
  upload,
} from '../../testing/guarded-registry.ts'
import type { PullThrough } from '../pull-through.ts'
import { parseAccessRules } from './access-rules.ts'

describe('a blob', () => {
  it('is not to be had by who knows its digest only', async () => {
    const app = guardedRegistry()
    await ask(app, upload('a/secret', basic('ann')))
    // bob knows the digest, and may push to b.
    const at = `/v2/b/app/blobs/${digest}`
    expect((await ask(app, { url: at, as: basic('bob') })).statusCode).toBe(404)
    for (const from of ['&from=a/secret', '&from=a/nothing', '']) {
      const mount = await ask(app, {
        method: 'POST',
        url: `/v2/b/app/blobs/uploads/?mount=${digest}${from}`,
        as: basic('bob'),
      })
      expect([from, mount.statusCode]).toEqual([from, 202])
    }
    expect((await ask(app, { url: at, as: basic('bob') })).statusCode).toBe(404)
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: bytes.length }
    const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config, layers: [] }
    const put = await ask(app, {
      method: 'PUT',
      url: '/v2/b/app/manifests/v1',
      headers: { 'content-type': manifest.mediaType },
      payload: JSON.stringify(manifest),
      as: basic('bob'),
    })
    expect([put.statusCode, put.json()]).toMatchObject([404, { errors: [{ code: 'MANIFEST_BLOB_UNKNOWN' }] }])
    // Who has the bytes proves it by sending them.
    expect((await ask(app, upload('b/app', basic('bob')))).statusCode).toBe(201)
    expect((await ask(app, { url: at, as: basic('bob') })).body).toBe('a blob')
  })

  it('is mounted by who may read the one repository and push to the other', async () => {
    const app = guardedRegistry()
    await ask(app, upload('public/base', basic('ann')))
    for (const [target, from] of [
      ['b/one', '&from=public/base'],
      ['b/two', ''],
    ] as const) {
      const url = `/v2/${target}/blobs/uploads/?mount=${digest}${from}`
      expect((await ask(app, { method: 'POST', url, as: basic('bob') })).statusCode).toBe(201)
    }
    const url = `/v2/a/app/blobs/uploads/?mount=${digest}&from=public/base`
    expect((await ask(app, { method: 'POST', url, as: basic('bob') })).statusCode).toBe(403)
  })

  it('is mounted with a token for both, which is asked for', async () => {
    const app = guardedRegistry()
    await ask(app, upload('public/base', basic('ann')))
    for (const from of ['&from=public/base', '']) {
      const url = `/v2/b/app/blobs/uploads/?mount=${digest}${from}`
      const first = await ask(app, {
        method: 'POST',
        url,
        as: await tokenFor(app, 'repository:b/app:push', basic('bob')),
      })
      const scope = scopeOf(first)
      expect([first.statusCode, scope]).toEqual([401, 'repository:b/app:pull,push repository:public/base:pull'])
      expect((await ask(app, { method: 'POST', url, as: await tokenFor(app, scope, basic('bob')) })).statusCode).toBe(
        201,
      )
      await ask(app, { method: 'DELETE', url: `/v2/b/app/blobs/${digest}`, as: basic('bob') })
    }
    // Nobody is sent for a token that would not help.
    const forbidden = `/v2/b/app/blobs/uploads/?mount=${digest}&from=a/secret`
    const as = await tokenFor(app, 'repository:b/app:push', basic('bob'))
    expect((await ask(app, { method: 'POST', url: forbidden, as })).statusCode).toBe(202)
  })
})

const manifestOf = (config: { readonly digest: string; readonly size: number }, more: object = {}) => ({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
  layers: [],
  ...more,
})

describe('what a tenant has', () => {
  const document = JSON.stringify(manifestOf({ digest, size: bytes.length }))
  const root = digestOf(document)
  const referrer = JSON.stringify(
    manifestOf(
      { digest, size: bytes.length },
      { subject: { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: root, size: document.length } },
    ),
  )

  const put = (reference: string, payload: string, as: string) => ({
    method: 'PUT' as const,
    url: `/v2/${reference}`,
    headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
    payload,
    as,
  })

  /** ann has an image with a referrer in `a`, and an upload under way; bob has a repository of his own. */
  async function tenants() {
    const app = guardedRegistry()
    await ask(app, upload('a/secret', basic('ann')))
    await ask(app, put('a/secret/manifests/v1', document, basic('ann')))
    await ask(app, put(`a/secret/manifests/${digestOf(referrer)}`, referrer, basic('ann')))
    const begun = await ask(app, { method: 'POST', url: '/v2/a/secret/blobs/uploads/', as: basic('ann') })
    const own = Buffer.from('of bob')
    const ownUpload = { method: 'POST' as const, payload: own, as: basic('bob') }
    await ask(app, { ...ownUpload, url: `/v2/b/app/blobs/uploads/?digest=${digestOf(own)}` })
    return { app, session: String(begun.headers['location']) }
  }

  it.each([
    ['a manifest by its digest', 'GET', `/v2/b/app/manifests/${root}`],
    ['whether it is there', 'HEAD', `/v2/b/app/manifests/${root}`],
    ['a blob', 'GET', `/v2/b/app/blobs/${digest}`],
    ['a part of it', 'GET', `/v2/b/app/blobs/${digest}`],
    ['whether that is there', 'HEAD', `/v2/b/app/blobs/${digest}`],
    ['to delete a manifest', 'DELETE', `/v2/b/app/manifests/${root}`],
    ['to delete a blob', 'DELETE', `/v2/b/app/blobs/${digest}`],
  ] as const)('is nothing in the repository of another one: %s', async (_, method, url) => {
    const { app } = await tenants()
    const answer = await ask(app, { method, url, headers: { range: 'bytes=0-1' }, as: basic('bob') })
    expect(answer.statusCode).toBe(404)
    expect((await ask(app, { url: `/v2/a/secret/manifests/${root}`, as: basic('ann') })).statusCode).toBe(200)
    expect((await ask(app, { url: `/v2/a/secret/blobs/${digest}`, as: basic('ann') })).statusCode).toBe(200)
  })

  it.each([
    ['GET', '/v2/a/secret/tags/list'],
    ['GET', `/v2/a/secret/manifests/${root}`],
    ['GET', `/v2/a/secret/referrers/${root}`],
    ['HEAD', `/v2/a/secret/blobs/${digest}`],
    ['POST', `/v2/a/secret/blobs/uploads/?mount=${digest}&from=b/app`],
    ['DELETE', '/v2/a/secret/manifests/v1'],
  ] as const)('is not for another one, who is told the same of what is not there: %s %s', async (method, url) => {
    const { app } = await tenants()
    for (const asked of [url, url.replace('a/secret', 'a/nothing')]) {
      expect([asked, (await ask(app, { method, url: asked, as: basic('bob') })).statusCode]).toEqual([asked, 403])
    }
  })

  it('is told by no list of another repository', async () => {
    const { app } = await tenants()
    const refs = await ask(app, { url: `/v2/b/app/referrers/${root}`, as: basic('bob') })
    expect([refs.statusCode, refs.json()]).toMatchObject([200, { manifests: [] }])
    const catalog = await ask(app, { url: '/v2/_catalog', as: basic('bob') })
    expect(catalog.json()).toEqual({ repositories: ['b/app'] })
  })

  it('is not gone on with under another name: uploads', async () => {
    const { app, session } = await tenants()
    const moved = session.replace('/v2/a/secret/', '/v2/b/app/')
    for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
      expect((await ask(app, { method, url: session, as: basic('bob') })).statusCode).toBe(403)
      expect((await ask(app, { method, url: moved, as: basic('bob') })).statusCode).toBe(404)
    }
    const put = { method: 'PUT' as const, url: `${moved}?digest=${digest}`, as: basic('bob') }
    expect((await ask(app, put)).statusCode).toBe(404)
    expect((await ask(app, { url: session, as: basic('ann') })).statusCode).toBe(204)
  })

  it('is not found out by pushing an index, or what refers to it', async () => {
    const { app } = await tenants()
    const index = JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: root, size: document.length }],
    })
    const type = { 'content-type': 'application/vnd.oci.image.index.v1+json' }
    const pushed = await ask(app, { ...put('b/app/manifests/all', index, basic('bob')), headers: type })
    expect(pushed.statusCode).toBe(201)
    expect((await ask(app, { url: `/v2/b/app/manifests/${root}`, as: basic('bob') })).statusCode).toBe(404)
    const about = await ask(app, put(`b/app/manifests/${digestOf(referrer)}`, referrer, basic('bob')))
    expect([about.statusCode, about.json()]).toMatchObject([404, { errors: [{ code: 'MANIFEST_BLOB_UNKNOWN' }] }])
  })

  it('is not mounted by whatever is written as its source', async () => {
    const { app } = await tenants()
    const source = fc.oneof(
      fc.constantFrom('a/secret', 'a%2fsecret', '../a/secret', 'a/secret/', '/a/secret', 'A/SECRET', '', '*', 'a/**'),
      fc.string({ maxLength: 20 }),
    )
    await fc.assert(
      fc.asyncProperty(source, async (from) => {
        const url = `/v2/b/app/blobs/uploads/?mount=${digest}&from=${encodeURIComponent(from)}`
        expect((await ask(app, { method: 'POST', url, as: basic('bob') })).statusCode).toBe(202)
        expect((await ask(app, { url: `/v2/b/app/blobs/${digest}`, as: basic('bob') })).statusCode).toBe(404)
      }),
      { numRuns: 50 },
    )
  })
})

it('what was fetched with a credential is mounted by nobody who has none', async () => {
  const rules = parseAccessRules(`
rules:
  - { repositories: ['**'], who: anyone, may: [pull] }
  - { repositories: [scratch/**], who: anyone, may: [push] }
  - { repositories: ['**'], who: users, may: [push] }
`)
  const pullThrough: Pick<PullThrough, 'answer' | 'isPrivate'> = {
    answer: (path, _exchange, next) => next(path),
    isPrivate: (repository) => repository.startsWith('private/'),
  }
  const app = guardedRegistry({ rules: () => rules, pullThrough })
  await ask(app, upload('private/app', basic('ann')))
  for (const from of ['&from=private/app', '']) {
    const url = `/v2/scratch/x/blobs/uploads/?mount=${digest}${from}`
    const mount = await ask(app, { method: 'POST', url })
    expect([from, mount.statusCode === 201]).toEqual([from, false])
  }
  expect((await ask(app, { url: `/v2/private/app/blobs/${digest}` })).statusCode).toBe(401)
  expect((await ask(app, { url: `/v2/scratch/x/blobs/${digest}` })).statusCode).toBe(404)
  const url = `/v2/scratch/x/blobs/uploads/?mount=${digest}&from=private/app`
  expect((await ask(app, { method: 'POST', url, as: basic('bob') })).statusCode).toBe(201)
})
