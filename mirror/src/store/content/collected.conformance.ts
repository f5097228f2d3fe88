import { describe, expect, it } from 'vitest'
import { descriptorOf } from '../../oci/manifest.ts'
import { createContentStore } from '../create-content-store.ts'
import type { ObjectStore } from '../object-store.ts'
import type { OpenedStore } from '../opened-store.conformance.ts'
import { readObject } from '../read-object.ts'
import { text } from '../stored-bytes.conformance.ts'
import { formatMark } from './condemned-blobs.ts'
import { blobKey, condemnedKey, linkKey } from './content-keys.ts'
import { formatLink, parseLink } from './link.ts'
import { blobOf, imageOf, indexOf, pushImage, store } from './stored-content.conformance.ts'
import type { Digest } from '../../oci/digest.ts'

const name = 'team/app'

/** What a repository keeps to while garbage is collected: what it says is here it takes back from who condemned it. */
export function collectedConformance(form: string, open: () => Promise<OpenedStore>): void {
  async function condemn(objects: ObjectStore, digests: readonly Digest[]): Promise<void> {
    for (const digest of digests) {
      const object = await readObject(objects, linkKey(name, digest))
      const link = parseLink(object!.bytes)!
      await objects.putIfMatch(object!.info.key, object!.info.etag, formatLink({ ...link, condemnedAt: 1 }))
    }
  }

  async function condemnedOf(objects: ObjectStore, digests: readonly Digest[]): Promise<Digest[]> {
    const condemned: Digest[] = []
    for (const digest of digests) {
      const object = await readObject(objects, linkKey(name, digest))
      if (object && parseLink(object.bytes)?.condemnedAt !== undefined) condemned.push(digest)
    }
    return condemned
  }

  async function condemnedImage() {
    const opened = await open()
    const content = createContentStore(opened.store)
    const repository = content.repository(name)
    const image = await pushImage(repository, 'one', [])
    const blobs = [image.config, ...image.layers].map(({ digest }) => digest)
    const all = [image.digest, ...blobs]
    await condemn(opened.store, all)
    const condemned = (): Promise<Digest[]> => condemnedOf(opened.store, all)
    return { ...opened, content, repository, image, blobs, all, condemned, objects: opened.store }
  }

  describe(`${form} while garbage is collected`, () => {
    it('serves what is condemned, and writes nothing for that', async () => {
      await using opened = await condemnedImage()
      const { repository, image, all, condemned } = opened
      expect(await repository.stat(image.digest)).toEqual(descriptorOf(image))
      expect(await repository.manifest(image.digest)).toBeDefined()
      expect(await repository.openBlob(image.config.digest)).toBeDefined()
      expect(await condemned()).toEqual(all)
    })

    it('takes back a blob that it says is here', async () => {
      await using opened = await condemnedImage()
      const { repository, image, all, condemned } = opened
      expect(await repository.hasBlob(image.config)).toBe(true)
      expect(await condemned()).toEqual(all.filter((digest) => digest !== image.config.digest))
    })

    it.each([
      ['a manifest that it says is here', (opened) => opened.repository.hasManifest(opened.image.digest)],
      ['a manifest that is tagged', (opened) => opened.repository.putTag('v1', opened.image.digest)],
      ['a manifest that comes again', (opened) => opened.repository.putManifest(opened.image)],
      [
        'the child of an index that comes',
        (opened) => opened.repository.putManifest(indexOf([descriptorOf(opened.image)])),
      ],
    ] satisfies [string, (opened: Awaited<ReturnType<typeof condemnedImage>>) => Promise<unknown>][])(
      'takes back, with all that it needs, %s',
      async (_, work) => {
        await using opened = await condemnedImage()
        await work(opened)
        expect(await opened.condemned()).toEqual([])
      },
    )

    it('takes back what speaks of a manifest, too', async () => {
      await using opened = await condemnedImage()
      const { repository, image, objects } = opened
      const signature = imageOf('signature', { subject: descriptorOf(image) })
      await repository.putManifest(signature)
      await condemn(objects, [image.digest, signature.digest])
      await repository.hasManifest(image.digest)
      expect(await condemnedOf(objects, [image.digest, signature.digest])).toEqual([])
    })

    it('takes back a blob that comes again or is mounted', async () => {
      await using opened = await condemnedImage()
      const { repository, content, image, all, condemned } = opened
      await store(content.repository('other'), image.layers[0]!, 'layer one of one')
      expect(await repository.mount(image.layers[0]!.digest, content.repository('other'))).toBeDefined()
      await store(repository, image.layers[1]!, 'layer two of one')
      expect(await condemned()).toEqual(all.slice(0, 2))
    })

    it('says of what was deleted that it is not here', async () => {
      await using opened = await condemnedImage()
      const { repository, image, objects } = opened
      await objects.delete(linkKey(name, image.digest))
      expect(await repository.vouchFor(image.digest)).toBeUndefined()
      await expect(repository.putTag('v1', image.digest)).rejects.toMatchObject({ code: 'not-found' })
    })

    it('acknowledges no manifest whose parts go while it comes', async () => {
      await using opened = await open()
      const { store: objects } = opened
      const image = imageOf('two')
      const gone = linkKey(name, image.layers[0]!.digest)
      const late = {
        ...objects,
        async putIfAbsent(key: string, bytes: Uint8Array) {
          if (key === linkKey(name, image.digest)) await objects.delete(gone)
          return await objects.putIfAbsent(key, bytes)
        },
      }
      const repository = createContentStore(late).repository(name)
      await store(repository, image.layers[0]!, 'layer one of two')
      await expect(repository.putManifest(image)).rejects.toMatchObject({ code: 'unavailable' })
      expect(await repository.stat(image.digest)).toBeUndefined()
    })

    it('keeps bytes that are linked anew, and takes their mark away', async () => {
      await using opened = await open()
      const { store: objects } = opened
      const blob = blobOf('hello')
      const content = createContentStore(objects)
      await store(content.repository(name), blob, 'hello')
      await objects.putIfAbsent(condemnedKey(blob.digest), formatMark({ at: 1, isDying: false }))
      await store(content.repository('other'), blob, 'hello')
      expect(await objects.head(condemnedKey(blob.digest))).toBeUndefined()
    })

    it('ends at once what a process that was killed has begun to delete, and brings it anew', async () => {
      await using opened = await open()
      const { store: objects } = opened
      const blob = blobOf('hello')
      const old = (await objects.putIfAbsent(blobKey(blob.digest), text('hello')))!
      const death = formatMark({ at: Date.now(), isDying: true, etag: old.etag })
      await objects.putIfAbsent(condemnedKey(blob.digest), death)
      const repository = createContentStore(objects).repository(name)
      await store(repository, blob, 'hello')
      expect(await repository.hasBlob(blob)).toBe(true)
      expect(await objects.head(condemnedKey(blob.digest))).toBeUndefined()
      expect(await objects.delete(blobKey(blob.digest), old.etag)).toBe(false)
    })

    it('waits while bytes are being deleted by who does not say which, and brings them anew', async () => {
      await using opened = await open()
      const { store: objects } = opened
      const blob = blobOf('hello')
      const repository = createContentStore(objects).repository(name)
      await objects.putIfAbsent(blobKey(blob.digest), text('hello'))
      await objects.putIfAbsent(condemnedKey(blob.digest), formatMark({ at: Date.now(), isDying: true }))
      const storing = store(repository, blob, 'hello')
      await objects.delete(blobKey(blob.digest))
      await objects.delete(condemnedKey(blob.digest))
      await storing
      expect(await repository.hasBlob(blob)).toBe(true)
    })

    it('takes such a death for over that was decided long ago', async () => {
      await using opened = await open()
      const { store: objects } = opened
      const blob = blobOf('hello')
      await objects.putIfAbsent(condemnedKey(blob.digest), formatMark({ at: Date.now() - 2 * 3600_000, isDying: true }))
      await store(createContentStore(objects).repository(name), blob, 'hello')
      expect(await objects.head(condemnedKey(blob.digest))).toBeUndefined()
    })
  })
}
