import { describe, expect, it } from 'vitest'
import { hexOf, type Digest } from '../../oci/digest.ts'
import { parseManifest, type Manifest } from '../../oci/manifest.ts'
import { mediaTypes } from '../../oci/media-type.ts'
import { tagPrefix } from '../content/content-keys.ts'
import { pushImage } from '../content/stored-content.conformance.ts'
import { createContentStore } from '../create-content-store.ts'
import { createMemoryStore } from '../memory-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { collectGarbage } from './collect-garbage.ts'

const graceMs = 1000
const rules = { graceMs, untaggedMs: 0, youngMs: 0 }

/** A repository with an image that is tagged, and its signature, which only a tag leads to. */
async function openScene() {
  const clock = { at: 1_000_000 }
  const now = (): number => clock.at
  const objects = createMemoryStore({ now })
  const repository = createContentStore(objects, { now }).repository('app')
  const image = await pushImage(repository, 'one', ['v1'])
  const signature = signatureOf(image.digest, image)
  const tag = `sha256-${hexOf(image.digest)}.sig`
  const carry = (): Promise<void> =>
    repository.putManifest(signature, { speakingTags: [{ tag, speaksOf: image.digest }] })
  /** Collects a while after what happened before. */
  const collect = async (seen: ObjectStore = objects) => {
    clock.at += graceMs
    const collection = await collectGarbage({ objects: seen, rules, roots: [], now, isAlone: true })
    return collection.links
  }
  const tags = async (): Promise<string[]> => (await repository.tags()).map(({ name }) => name)
  return { objects, repository, image, signature, tag, carry, collect, tags }
}

type Scene = Awaited<ReturnType<typeof openScene>>

/** Brings a manifest as the signature of another. */
function speak(repository: Scene['repository'], speaksOf: Digest, manifest: Manifest, suffix = 'sig') {
  const tag = `sha256-${hexOf(speaksOf)}.${suffix}`
  return repository.putManifest(manifest, { speakingTags: [{ tag, speaksOf }] })
}

/** Made of the blobs of an image, so that a test need not bring others. */
function signatureOf(
  digest: Digest,
  { config, layers }: Pick<Awaited<ReturnType<typeof pushImage>>, 'config' | 'layers'>,
): Manifest {
  const document = { mediaType: mediaTypes.manifest, config, layers, annotations: { of: digest } }
  return parseManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, ...document })))
}

describe('the tag of a signature that came with an image', () => {
  it('stays as long as something keeps the image', async () => {
    const { carry, collect, tags, tag, repository, signature } = await openScene()
    await carry()
    for (let turn = 0; turn < 3; turn++) expect(await collect()).toMatchObject({ condemned: 0, deleted: 0 })
    expect(await tags()).toEqual([tag, 'v1'])
    expect(await repository.hasManifest(signature.digest)).toBe(true)
  })

  it('goes with the image, and what it means with it', async () => {
    const { carry, collect, tags, repository, objects } = await openScene()
    await carry()
    await repository.deleteTag('v1')
    expect(await collect()).toMatchObject({ condemned: 5, deleted: 0 })
    expect(await tags()).toHaveLength(1)
    expect(await collect()).toMatchObject({ deleted: 5 })
    expect(await Array.fromAsync(objects.list('repositories/'))).toEqual([])
  })

  it('goes when somebody deleted the image, too', async () => {
    const { carry, collect, tags, repository, image } = await openScene()
    await carry()
    await repository.deleteManifest(image.digest)
    await collect()
    await collect()
    expect(await tags()).toEqual([])
  })

  it('stays when somebody gave it himself', async () => {
    const { carry, collect, tags, tag, repository, signature } = await openScene()
    await carry()
    await repository.putTag(tag, signature.digest)
    await repository.deleteTag('v1')
    await collect()
    expect(await collect()).toMatchObject({ deleted: 1 })
    expect(await tags()).toEqual([tag])
  })

  it('stays when the image is wanted again before it goes', async () => {
    const { carry, collect, tags, repository, image, tag } = await openScene()
    await carry()
    await repository.deleteTag('v1')
    await collect()
    await repository.putTag('v2', image.digest)
    expect(await collect()).toMatchObject({ deleted: 0 })
    expect(await collect()).toMatchObject({ condemned: 0, deleted: 0 })
    expect(await tags()).toEqual([tag, 'v2'])
    await repository.deleteTag('v2')
    await collect()
    expect(await collect()).toMatchObject({ deleted: 5 })
    expect(await tags()).toEqual([])
  })

  it.each([
    ['before it is deleted', true],
    ['just behind that', false],
  ])('is there for who brings the signature again at that moment, %s', async (_, isBefore) => {
    const { carry, collect, tags, tag, repository, signature, objects } = await openScene()
    await carry()
    await repository.deleteTag('v1')
    await collect()
    let isBrought = false
    const racing: ObjectStore = {
      ...objects,
      async delete(key, etag) {
        if (isBrought || !key.startsWith(tagPrefix('app'))) return await objects.delete(key, etag)
        isBrought = true
        if (isBefore) await carry()
        const isDeleted = await objects.delete(key, etag)
        if (!isBefore) await carry()
        return isDeleted
      },
    }
    await collect(racing)
    expect(isBrought).toBe(true)
    expect(await tags()).toEqual([tag])
    expect((await repository.manifest(tag))?.digest).toBe(signature.digest)
  })

  it.each([
    ['goes', false],
    ['stays if the image comes again before that', true],
  ])('%s when the image is gone and another tag keeps what it means', async (_, isBack) => {
    const { carry, collect, tags, tag, repository, image, signature } = await openScene()
    await carry()
    await repository.putTag('kept', signature.digest)
    await repository.deleteManifest(image.digest)
    await collect()
    expect(await tags()).toEqual(['kept', tag])
    if (isBack) await repository.putManifest(image, { tags: ['v2'] })
    await collect()
    expect(await tags()).toEqual(isBack ? ['kept', tag, 'v2'] : ['kept'])
  })

  it.each([
    ['stays', false],
    ['goes with it when that is deleted meanwhile', true],
  ])('is put back when somebody is told at that moment that the signature is here, and %s', async (_, isGone) => {
    const { carry, collect, tags, tag, repository, signature, objects } = await openScene()
    await carry()
    await repository.deleteTag('v1')
    await collect()
    const racing: ObjectStore = {
      ...objects,
      async delete(key, etag) {
        if (key.startsWith(tagPrefix('app'))) await repository.vouchFor(signature.digest)
        return await objects.delete(key, etag)
      },
      async putIfAbsent(key, bytes) {
        if (isGone) await repository.deleteManifest(signature.digest)
        return await objects.putIfAbsent(key, bytes)
      },
    }
    await collect(racing)
    expect(await tags()).toEqual(isGone ? [] : [tag])
    expect(await repository.hasManifest(signature.digest)).toBe(!isGone)
  })

  it.each([
    ['itself', async ({ repository, image }: Scene) => speak(repository, image.digest, image)],
    [
      'a signature of its signature',
      async ({ repository, image, signature, carry }: Scene) => {
        const second = signatureOf(signature.digest, image)
        await carry()
        await speak(repository, signature.digest, second)
        await speak(repository, second.digest, signature)
      },
    ],
    [
      'the index that it is in',
      async ({ repository, image }: Scene) => {
        const entry = { mediaType: mediaTypes.manifest, digest: image.digest, size: image.raw.length }
        const document = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [entry] }
        const index = parseManifest(Buffer.from(JSON.stringify(document)))
        await repository.putManifest(index, {})
        await speak(repository, image.digest, index)
        await speak(repository, image.digest, image, 'att')
      },
    ],
  ])('goes with all below it when an image is signed by %s', async (_, sign) => {
    const scene = await openScene()
    const { repository, collect, objects } = scene
    await sign(scene)
    expect(await collect()).toMatchObject({ condemned: 0 })
    await repository.deleteTag('v1')
    await collect()
    await collect()
    expect(await Array.fromAsync(objects.list('repositories/'))).toEqual([])
  })
})
