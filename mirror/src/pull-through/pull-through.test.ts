import { describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { addFakeImage } from '../registry/fake-image.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import { fakeHost, fakeRepository as repository, localPath as local, openFakeMirror } from './fake-mirror.ts'

const { upstreamOf } = createFakePull()

describe('what is not allowed', () => {
  it.each([
    ['PUT', `${local}/manifests/v1`],
    ['DELETE', `${local}/manifests/v1`],
    ['POST', `${local}/blobs/uploads/`],
    ['POST', `/v2/${repository}/blobs/uploads/?ns=${fakeHost}`],
    ['PATCH', `${local}/blobs/uploads/abc`],
  ])('%s %s is refused', async (method, path) => {
    const upstream = await upstreamOf()
    await using mirror = await openFakeMirror(upstream)
    const answer = await mirror.ask(path, { method })
    expect([answer.status, await answer.json()]).toMatchObject([405, { errors: [{ code: 'UNSUPPORTED' }] }])
    expect(upstream.requests).toEqual([])
  })

  it.each(['evil.example', '127.0.0.1:22', '169.254.169.254', '', '../..', 'reg.example/x'])(
    'ns=%s is not fetched from',
    async (namespace) => {
      const upstream = await upstreamOf()
      await using mirror = await openFakeMirror(upstream)
      const answer = await mirror.ask(`/v2/team/app/manifests/v1?ns=${encodeURIComponent(namespace)}`)
      expect([answer.status, await answer.json()]).toMatchObject([404, { errors: [{ code: 'NAME_UNKNOWN' }] }])
      expect(upstream.requests).toEqual([])
    },
  )

  it('what is pushed here stays here', async () => {
    const upstream = await upstreamOf()
    await using mirror = await openFakeMirror(upstream)
    const answer = await mirror.ask(`/v2/mine/blobs/uploads/?digest=${digestOf('x')}`, { method: 'POST', body: 'x' })
    expect(answer.status).toBe(201)
    expect((await mirror.ask('/v2/mine/manifests/v1')).status).toBe(404)
    expect(upstream.requests).toEqual([])
  })
})

describe('the default upstream', () => {
  it('is asked for what nothing here is called', async () => {
    const upstream = await upstreamOf()
    const { root, layer } = addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream, { settings: { isDefault: true } })
    const pulled = await mirror.ask(`/v2/${repository}/manifests/v1`)
    expect(pulled.headers.get('docker-content-digest')).toBe(root.digest)
    expect((await mirror.ask(`/v2/${repository}/blobs/${layer.digest}`)).status).toBe(200)
    expect((await mirror.ask(`${local}/manifests/${root.digest}`)).status).toBe(200)
    expect((await mirror.ask('/v2/none/manifests/v1')).status).toBe(404)
  })

  it('is not asked for what is here', async () => {
    const upstream = await upstreamOf()
    addFakeImage(upstream)
    await using mirror = await openFakeMirror(upstream, { settings: { isDefault: true } })
    const empty = { mediaType: mediaTypes.empty, digest: digestOf('{}'), size: 2 }
    await mirror.ask(`/v2/${repository}/blobs/uploads/?digest=${empty.digest}`, { method: 'POST', body: '{}' })
    const body = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.manifest, config: empty, layers: [empty] })
    const headers = { 'content-type': mediaTypes.manifest }
    const pushed = await mirror.ask(`/v2/${repository}/manifests/v1`, { method: 'PUT', headers, body })
    expect(pushed.status).toBe(201)
    const pulled = await mirror.ask(`/v2/${repository}/manifests/v1`)
    expect(pulled.headers.get('docker-content-digest')).toBe(digestOf(body))
    expect(upstream.requests).toEqual([])
  })
})

describe('what speaks of an image', () => {
  it.each([
    ['the referrers API', { referrersPerPage: 1 }],
    ['the tag that stands in for it', {}],
  ])('comes by %s and is listed here', async (_, options) => {
    const upstream = await upstreamOf(options)
    const { root } = addFakeImage(upstream)
    const empty = upstream.addBlob('{}', mediaTypes.empty)
    const speaking = ['a', 'b'].map((text) =>
      upstream.addManifest(repository, {
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        artifactType: 'application/vnd.example.signature',
        config: empty,
        layers: [empty],
        subject: root,
        annotations: { text },
      }),
    )
    const tag = root.digest.replace(':', '-')
    upstream.addManifest(repository, { schemaVersion: 2, mediaType: mediaTypes.index, manifests: speaking }, { tag })
    await using mirror = await openFakeMirror(upstream)
    const list = async () => {
      const answer = await mirror.ask(`${local}/referrers/${root.digest}`)
      const { manifests } = (await answer.json()) as { manifests: { digest: string }[] }
      return manifests.map(({ digest }) => digest).toSorted()
    }
    expect(await list()).toEqual(speaking.map(({ digest }) => digest as string).toSorted())
    const before = upstream.requests.length
    await list()
    expect(upstream.requests.length).toBe(before)
  })

  it('comes by the tags of cosign', async () => {
    const upstream = await upstreamOf()
    const { root } = addFakeImage(upstream)
    const empty = upstream.addBlob('{}', mediaTypes.empty)
    const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: empty, layers: [empty] }
    const tag = `${root.digest.replace(':', '-')}.sig`
    const signature = upstream.addManifest(repository, document, { tag })
    await using mirror = await openFakeMirror(upstream)
    const answer = await mirror.ask(`${local}/manifests/${tag}`)
    expect(answer.headers.get('docker-content-digest')).toBe(signature.digest)
  })

  it('does not come by a tag that means the image itself', async () => {
    const upstream = await upstreamOf()
    const { root, config, layer } = addFakeImage(upstream)
    const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, config }
    const name = root.digest.replace(':', '-')
    upstream.addManifest(repository, { ...document, layers: [layer] }, { tag: `${name}.sig` })
    upstream.addManifest(repository, { ...document, layers: [] }, { tag: `${name}.att` })
    await using mirror = await openFakeMirror(upstream)
    await mirror.ask(`${local}/referrers/${root.digest}`)
    const tags = await mirror.store.repository(`${fakeHost}/${repository}`).tags()
    expect(tags.map((tag) => tag.name)).toEqual([`${name}.att`])
  })
})
