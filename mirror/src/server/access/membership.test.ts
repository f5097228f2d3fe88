import { describe, expect, it } from 'vitest'
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
