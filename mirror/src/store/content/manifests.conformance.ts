import { describe, expect, it } from 'vitest'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Repository } from '../content-store.ts'
import type { ObjectStore } from '../object-store.ts'
import type { OpenedStore } from '../opened-store.conformance.ts'
import { digestOf } from '../../oci/digest.ts'
import { descriptorOf } from '../../oci/manifest.ts'
import { createContentStore } from '../create-content-store.ts'
import { blobOf, imageOf, indexOf, pushImage, store } from './stored-content.conformance.ts'

/** What a repository keeps to with manifests, tags and referrers. */
export function manifestsConformance(name: string, open: () => Promise<OpenedStore>): void {
  const withRepository =
    (test: (repository: Repository, objects: ObjectStore, opened: OpenedStore) => Promise<void>) => async () => {
      await using opened = await open()
      await test(createContentStore(opened.store).repository('team/app'), opened.store, opened)
    }

  describe(`${name} as a keeper of manifests and tags`, () => {
    it(
      'gives back the bytes of a manifest by digest and by tag',
      withRepository(async (repository) => {
        const image = await pushImage(repository, 'one', ['v1', 'latest'])
        for (const reference of [image.digest, 'v1', 'latest']) {
          const found = await repository.manifest(reference)
          expect(found?.digest).toBe(image.digest)
          expect(Buffer.from(found!.raw).equals(image.raw)).toBe(true)
        }
        expect(await repository.tag('v1')).toEqual(descriptorOf(image))
        expect(await repository.manifest('v2')).toBeUndefined()
        expect(await repository.manifest('no such/tag')).toBeUndefined()
        expect(await repository.manifest(digestOf('nothing'))).toBeUndefined()
      }),
    )

    it(
      'holds it all when it is opened again',
      withRepository(async (repository, _objects, opened) => {
        const image = await pushImage(repository, 'one', ['v1'])
        const later = createContentStore(await opened.reopen()).repository('team/app')
        expect((await later.manifest('v1'))?.digest).toBe(image.digest)
        for (const blob of [image.config, ...image.layers]) expect(await later.hasBlob(blob)).toBe(true)
      }),
    )

    it(
      'takes an index whose children are left out',
      withRepository(async (repository) => {
        const index = indexOf([descriptorOf(imageOf('left out'))])
        await repository.putManifest(index, { tags: ['multi'] })
        expect(await repository.manifest('multi')).toMatchObject({ kind: 'index', digest: index.digest })
        expect(await repository.hasManifest(index.manifests[0]!.digest)).toBe(false)
      }),
    )

    it(
      'knows a manifest of sha512',
      withRepository(async (repository) => {
        const image = imageOf('sha512')
        const digest = digestOf(image.raw, 'sha512')
        await repository.putManifest({ ...image, digest }, { tags: ['v1'] })
        expect((await repository.manifest('v1'))?.digest).toBe(digest)
        expect(await repository.hasManifest(digest)).toBe(true)
        expect(await repository.hasManifest(image.digest)).toBe(false)
      }),
    )

    it(
      'moves a tag',
      withRepository(async (repository) => {
        const one = await pushImage(repository, 'one', ['latest'])
        const two = await pushImage(repository, 'two', ['latest'])
        expect((await repository.tag('latest'))?.digest).toBe(two.digest)
        await repository.putTag('latest', one.digest)
        expect((await repository.tag('latest'))?.digest).toBe(one.digest)
        await repository.putTag('latest', one.digest)
      }),
    )

    it(
      'ends racing moves of a tag with one of them',
      withRepository(async (repository) => {
        const images = await Promise.all(['1', '2', '3', '4'].map((seed) => pushImage(repository, seed, [])))
        await Promise.all(images.map(({ digest }) => repository.putTag('latest', digest)))
        expect(images.map(({ digest }) => digest)).toContain((await repository.tag('latest'))?.digest)
      }),
    )

    it(
      'refuses a tag of what is not a manifest here',
      withRepository(async (repository, objects) => {
        const elsewhere = await pushImage(createContentStore(objects).repository('other'), 'one', ['v1'])
        await expect(repository.putTag('v1', elsewhere.digest)).rejects.toMatchObject({ code: 'not-found' })
        const blob = blobOf('blob')
        await store(repository, blob, 'blob')
        await expect(repository.putTag('v1', blob.digest)).rejects.toMatchObject({ code: 'not-found' })
        expect(await repository.tag('v1')).toBeUndefined()
      }),
    )

    it.each(['', '.x', '-x', 'a/b', '../x', 'x'.repeat(129), 'ä'])('refuses the tag %j', async (tag) => {
      await withRepository(async (repository) => {
        const image = await pushImage(repository, 'one', [])
        await expect(repository.putTag(tag, image.digest)).rejects.toMatchObject({ code: 'invalid' })
        expect(await repository.tag(tag)).toBeUndefined()
        expect(await repository.deleteTag(tag)).toBe(false)
      })()
    })

    it(
      'lists tags in pages',
      withRepository(async (repository) => {
        const image = await pushImage(repository, 'one', ['b', 'a', 'C', 'a.1', '_x', '1'])
        const names = async (options?: Parameters<Repository['tags']>[0]) =>
          (await repository.tags(options)).map((tag) => tag.name)
        expect(await names()).toEqual(['1', 'C', '_x', 'a', 'a.1', 'b'])
        expect(await names({ limit: 2 })).toEqual(['1', 'C'])
        expect(await names({ after: 'C', limit: 3 })).toEqual(['_x', 'a', 'a.1'])
        expect(await names({ after: 'zzz' })).toEqual([])
        expect(await names({ limit: 0 })).toEqual([])
        expect((await repository.tags({ limit: 1 }))[0]).toEqual({ name: '1', target: descriptorOf(image) })
      }),
    )

    it(
      'lists more tags than it reads at a time',
      withRepository(async (repository) => {
        const tags = Array.from({ length: 40 }, (_, n) => `v${String(n).padStart(2, '0')}`)
        await pushImage(repository, 'one', tags)
        expect((await repository.tags()).map((tag) => tag.name)).toEqual(tags)
        expect((await repository.tags({ limit: 17 })).map((tag) => tag.name)).toEqual(tags.slice(0, 17))
      }),
    )

    it(
      'deletes a tag and keeps the manifest',
      withRepository(async (repository) => {
        const image = await pushImage(repository, 'one', ['v1'])
        expect(await repository.deleteTag('v1')).toBe(true)
        expect(await repository.deleteTag('v1')).toBe(false)
        expect(await repository.tag('v1')).toBeUndefined()
        expect(await repository.hasManifest(image.digest)).toBe(true)
      }),
    )

    it(
      'deletes a manifest with the tags that mean it',
      withRepository(async (repository) => {
        const one = await pushImage(repository, 'one', ['v1', 'latest'])
        const two = await pushImage(repository, 'two', ['v2'])
        expect(await repository.deleteManifest(one.digest)).toBe(true)
        expect(await repository.deleteManifest(one.digest)).toBe(false)
        expect(await repository.manifest('latest')).toBeUndefined()
        expect(await repository.tags()).toEqual([{ name: 'v2', target: descriptorOf(two) }])
        expect(await repository.hasManifest(one.digest)).toBe(false)
      }),
    )

    it(
      'leaves no tag that means nothing when a tag races with a deletion',
      withRepository(async (repository) => {
        for (let turn = 0; turn < 20; turn++) {
          const image = await pushImage(repository, `turn ${turn}`, [])
          const tagging = repository.putTag('racing', image.digest).catch(() => {})
          await Promise.all([repository.deleteManifest(image.digest), tagging])
          expect(await repository.tags()).toEqual([])
        }
      }),
    )

    it(
      'deletes blobs and manifests each by their own verb',
      withRepository(async (repository) => {
        const image = await pushImage(repository, 'one', ['v1'])
        expect(await repository.deleteBlob(image.digest)).toBe(false)
        expect(await repository.deleteManifest(image.config.digest)).toBe(false)
        expect(await repository.deleteBlob(image.config.digest)).toBe(true)
        expect(await repository.deleteBlob(image.config.digest)).toBe(false)
        expect(await repository.hasBlob(image.config)).toBe(false)
      }),
    )

    it(
      'never serves a manifest with a flipped byte, and mends it when it comes again',
      withRepository(async (repository, objects) => {
        const image = await pushImage(repository, 'one', ['v1'])
        const key = `blobs/sha256/${image.digest.slice(7)}`
        const flipped = Buffer.from(image.raw)
        flipped[10]! ^= 1
        await objects.putIfMatch(key, (await objects.head(key))!.etag, flipped)
        await expect(repository.manifest('v1')).rejects.toMatchObject({ code: 'corrupt' })
        expect(await repository.manifest(image.digest)).toBeUndefined()
        expect(await repository.hasManifest(image.digest)).toBe(false)
        await repository.putManifest(image)
        expect((await repository.manifest('v1'))?.digest).toBe(image.digest)
      }),
    )

    it(
      'lists the manifests that refer to another, whether that is there or not',
      withRepository(async (repository) => {
        const subject = imageOf('subject')
        const signature = imageOf('signature', { subject: descriptorOf(subject), annotations: { by: 'us' } })
        const sbom = imageOf('sbom', { subject: descriptorOf(subject), artifactType: 'application/sbom' })
        await repository.putManifest(signature)
        await repository.putManifest(sbom)
        const expected = [
          { ...descriptorOf(signature), artifactType: signature.config.mediaType, annotations: { by: 'us' } },
          { ...descriptorOf(sbom), artifactType: 'application/sbom' },
        ]
        const byDigest = (a: Descriptor, b: Descriptor): number => (a.digest < b.digest ? -1 : 1)
        expect(await repository.referrers(subject.digest)).toEqual(expected.toSorted(byDigest))
        await repository.deleteManifest(sbom.digest)
        expect(await repository.referrers(subject.digest)).toEqual([expected[0]])
        expect(await repository.referrers(signature.digest)).toEqual([])
      }),
    )
  })
}
