import PQueue from 'p-queue'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ContentSink } from '../content.ts'
import { copyImage, type CopyImageOptions } from '../copy.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf, hexOf } from '../oci/digest.ts'
import { parseManifest } from '../oci/manifest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { parsePlatform } from '../oci/platform.ts'
import { createFakeImages, forPlatform, type FakeImages } from '../registry/fake-image.ts'
import { openFakeUpstream, type FakeUpstream } from '../registry/fake-upstream.ts'
import { createRegistryClient, type RegistryClient } from '../registry/registry-client.ts'
import type { Repository } from '../store/content-store.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { readReferrers } from './read-referrers.ts'

let upstream: FakeUpstream
let images: FakeImages
let client: RegistryClient
let sink: Repository

beforeEach(async () => {
  upstream = await openFakeUpstream({ referrersPerPage: 10 })
  images = createFakeImages(upstream, 'app')
  client = createRegistryClient({ registry: upstream.host })
  sink = createContentStore(createMemoryStore()).repository('library/app')
})
afterEach(async () => {
  await client[Symbol.asyncDispose]()
  await upstream[Symbol.asyncDispose]()
})

function sign(
  subject: Descriptor | undefined,
  { kind = 'application/x.signature', tag }: { kind?: string; tag?: string } = {},
) {
  const config = upstream.addBlob('{}', mediaTypes.empty)
  const layers = [upstream.addBlob(`signature ${tag ?? subject?.digest} ${kind}`)]
  const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, artifactType: kind, config, layers, subject }
  return upstream.addManifest('app', document, tag === undefined ? {} : { tag })
}

const copy = (options: Partial<CopyImageOptions> = {}) =>
  copyImage({
    source: client,
    sourceRepository: 'app',
    reference: 'v1',
    sink,
    tags: ['v1'],
    queue: new PQueue({ concurrency: 1 }),
    referrers: true,
    ...options,
  })

const amd64 = [parsePlatform('linux/amd64')]

describe('copyImage with referrers', () => {
  it('takes along what speaks of the index, of the copied child, and of that in turn', async () => {
    const amd = images.addImage('amd', [images.addLayer(1)])
    const arm = images.addImage('arm', [images.addLayer(2)])
    const root = images.addIndex([forPlatform('linux/amd64', amd), forPlatform('linux/arm64', arm)])
    const [ofRoot, ofAmd, ofArm] = [sign(root), sign(amd), sign(arm)]
    const counter = sign(ofRoot)
    const { referrers } = await copy({ platforms: amd64 })
    expect(referrers.map(({ digest }) => digest).toSorted()).toEqual(
      [ofRoot, ofAmd, counter].map(({ digest }) => digest).toSorted(),
    )
    expect((await sink.referrers(root.digest)).map(({ digest }) => digest)).toEqual([ofRoot.digest])
    expect(await sink.hasManifest(ofArm.digest)).toBe(false)
  })

  it('keeps the tags by which cosign finds its signatures, and names the image last', async () => {
    const root = images.addImage('a', [images.addLayer(1)], 'v1')
    const tag = `sha256-${hexOf(root.digest)}.sig`
    const signature = sign(undefined, { tag })
    const named: string[] = []
    const watched: ContentSink = {
      ...sink,
      async putManifest(manifest, options) {
        named.push(...(options?.speakingTags ?? []).map((one) => `${one.tag} of ${one.speaksOf}`))
        named.push(...(options?.tags ?? []))
        await sink.putManifest(manifest, options)
      },
    }
    await copy({ sink: watched })
    expect(named).toEqual([`${tag} of ${root.digest}`, 'v1'])
    expect((await sink.tag(tag))?.digest).toBe(signature.digest)
  })

  it('leaves out what is our own, and what has gone', async () => {
    const root = images.addImage('a', [images.addLayer(1)], 'v1')
    sign(root, { kind: 'application/vnd.stowage.delta.v1' })
    const gone = sign(root)
    upstream.trouble({ when: new RegExp(`manifests/${gone.digest}`), answer: { status: 404 } })
    expect((await copy()).referrers).toEqual([])
  })

  it('asks nobody if they are not wanted, or if the source does not know', async () => {
    const root = images.addImage('a', [images.addLayer(1)], 'v1')
    sign(root)
    const { manifest, resolve, blob } = client
    expect((await copy({ referrers: false })).referrers).toEqual([])
    expect((await copy({ source: { manifest, resolve, blob } })).referrers).toEqual([])
    expect(upstream.requests.filter(({ path }) => path.includes('referrers'))).toEqual([])
  })
})

it('takes no more into memory than an image may have', async () => {
  const named = Array.from({ length: 17 }, (_, n) => ({
    descriptor: { mediaType: mediaTypes.manifest, digest: digestOf(`${n}`), size: 4 * 1024 * 1024 },
  }))
  const readAll = () => Promise.reject(new Error('nobody should read them'))
  const subject = parseManifest(
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] })),
  )
  const ofOne = readReferrers({ subjects: [subject], listAll: async () => [named], readAll, what: 'app' })
  await expect(ofOne).rejects.toMatchObject({ code: 'invalid' })
})
