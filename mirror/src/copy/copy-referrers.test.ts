import PQueue from 'p-queue'
import { describe, expect, it } from 'vitest'
import { copyImage } from '../copy.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { createFakeImages } from '../registry/fake-image.ts'
import { createFakePull } from '../registry/fake-pull.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { copyReferrers } from './copy-referrers.ts'

const { upstreamOf, clientOf } = createFakePull()
const signatureType = 'application/x.signature'
const tagOf = ({ digest }: Descriptor, suffix = 'sig'): string => `${digest.replace(':', '-')}.${suffix}`

/** An image that was copied, and whose signatures are still upstream. */
async function openScene() {
  const upstream = await upstreamOf({ referrersPerPage: 10 })
  const images = createFakeImages(upstream, 'app')
  const layers = [images.addLayer(1)]
  const nameIt = (tag: string): Descriptor => images.addImage('a', layers, tag)
  const image = nameIt('v1')
  const objects = createMemoryStore()
  const sink = createContentStore(objects).repository('library/app')
  const queue = new PQueue({ concurrency: 2 })
  const atOnce = { pace: { baseMs: 1, capMs: 1, tries: 1 } }
  const shared = { source: clientOf(upstream), sourceRepository: 'app', sink, queue, retry: atOnce }
  await copyImage({ ...shared, reference: 'v1', tags: ['v1'] })
  upstream.requests.length = 0

  /** Pushes something that speaks of a manifest, by its subject or by a tag. */
  function sign(
    content: string,
    { subject, tag, type = signatureType }: { subject?: Descriptor; tag?: string; type?: string },
  ) {
    const config = upstream.addBlob('{}', mediaTypes.empty)
    return signWith([upstream.addBlob(content)], { config, subject, tag, type })
  }
  function signWith(
    layers: Descriptor[],
    {
      config,
      subject,
      tag,
      type,
    }: { config?: Descriptor; subject?: Descriptor | undefined; tag?: string | undefined; type: string },
  ): Descriptor {
    const empty = config ?? upstream.addBlob('{}', mediaTypes.empty)
    const document = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: type,
      config: empty,
      layers,
      subject,
    }
    return upstream.addManifest('app', document, tag === undefined ? {} : { tag })
  }

  const copy = () => copyReferrers({ ...shared, subjects: [image.digest], known: (digest) => sink.manifest(digest) })
  const tags = async (): Promise<string[]> => (await sink.tags()).map(({ name }) => name)
  const holds = (): Promise<unknown[]> => Array.fromAsync(objects.list('holds/'))
  return { upstream, image, nameIt, sink, sign, signWith, copy, tags, holds }
}

const gone = (text: string): Descriptor => ({ mediaType: mediaTypes.layer, digest: digestOf(text), size: text.length })

describe('copyReferrers', () => {
  it('brings what speaks of an image, and of that in turn, and nothing of the image again', async () => {
    const { image, sink, sign, copy, upstream, tags } = await openScene()
    const signature = sign('signed', { tag: tagOf(image) })
    const bundle = sign('bundle', { subject: image })
    const witness = sign('witness', { subject: bundle })
    expect(await copy()).toMatchObject({ referrers: 3, faults: [] })
    for (const { digest } of [signature, bundle, witness]) expect(await sink.hasManifest(digest)).toBe(true)
    expect((await sink.tag(tagOf(image)))?.digest).toBe(signature.digest)
    expect(await tags()).toEqual([tagOf(image), 'v1'])
    const blobs = upstream.requests.filter(({ path }) => path.includes('/blobs/'))
    expect(blobs).toHaveLength(4)
  })

  it('asks for manifests only once', async () => {
    const { image, sign, copy, upstream } = await openScene()
    sign('bundle', { subject: image })
    await copy()
    upstream.requests.length = 0
    expect(await copy()).toMatchObject({ referrers: 1, bytesFetched: 0 })
    const gets = upstream.requests.filter(({ method, path }) => method === 'GET' && path.includes('/manifests/sha256:'))
    expect(gets).toEqual([])
  })

  it('lets no broken one keep the others from coming', async () => {
    const { image, sink, sign, signWith, copy, holds } = await openScene()
    signWith([gone('an SBOM that is gone')], { subject: image, type: 'application/x.sbom' })
    const bundle = sign('bundle', { subject: image })
    const signature = sign('signed', { tag: tagOf(image) })
    const { referrers, faults } = await copy()
    expect(referrers).toBe(2)
    expect(faults.map(({ code }) => code)).toEqual(['not-found'])
    expect(await sink.hasManifest(bundle.digest)).toBe(true)
    expect((await sink.tag(tagOf(image)))?.digest).toBe(signature.digest)
    // Of the broken one, and not of the image.
    expect(await holds()).toHaveLength(1)
  })

  it('leaves a tag alone that somebody gave himself', async () => {
    const { image, sink, sign, copy } = await openScene()
    sign('theirs', { tag: tagOf(image) })
    await sink.putTag(tagOf(image), image.digest)
    expect(await copy()).toMatchObject({ faults: [] })
    expect((await sink.tag(tagOf(image)))?.digest).toBe(image.digest)
  })

  it('moves a tag that came before', async () => {
    const { image, sink, sign, copy } = await openScene()
    sign('old', { tag: tagOf(image) })
    await copy()
    const next = sign('new', { tag: tagOf(image) })
    await copy()
    expect((await sink.tag(tagOf(image)))?.digest).toBe(next.digest)
  })

  it('takes no image for its own signature, and finds an end where signatures sign each other', async () => {
    const { image, nameIt, sign, copy, tags } = await openScene()
    const first = sign('first', { subject: image })
    const second = sign('second', { tag: tagOf(first) })
    sign('first', { subject: image, tag: tagOf(second) })
    nameIt(tagOf(image))
    expect(await copy()).toMatchObject({ referrers: 2, faults: [] })
    expect(await tags()).toEqual([tagOf(first), tagOf(second), 'v1'].toSorted())
  })

  it('leaves out what is our own', async () => {
    const { image, sign, copy } = await openScene()
    sign('delta', { subject: image, type: 'application/vnd.stowage.delta.v1' })
    expect(await copy()).toMatchObject({ referrers: 0, faults: [] })
  })

  it('ends when it is stopped', async () => {
    const { image, sink, sign } = await openScene()
    sign('bundle', { subject: image })
    const signal = AbortSignal.abort(new Error('enough'))
    const source = { resolve: never, manifest: never, blob: never, referrers: never }
    const stopped = copyReferrers({
      source,
      sourceRepository: 'app',
      subjects: [image.digest],
      sink,
      queue: new PQueue(),
      signal,
    })
    await expect(stopped).rejects.toThrow('enough')
  })
})

function never(): Promise<never> {
  return Promise.reject(new Error('nobody should ask'))
}
